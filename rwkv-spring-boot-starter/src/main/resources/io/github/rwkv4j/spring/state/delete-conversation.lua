local removed = 0
for _, id in ipairs(redis.call('ZRANGE', base .. 'conversation:' .. member(ARGV[2], ARGV[3]), 0, -1)) do
  removed = removed + remove(member(ARGV[2], id))
end
return removed
