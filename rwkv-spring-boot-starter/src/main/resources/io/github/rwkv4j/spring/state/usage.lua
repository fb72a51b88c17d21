remove_expired(ARGV[2])
return {tostring(redis.call('ZCARD', base .. 'used')), redis.call('GET', base .. 'bytes') or '0'}
