return redis.call('ZREVRANGEBYSCORE', base .. 'tenant:' .. ARGV[2], '+inf', '(' .. ARGV[3])
