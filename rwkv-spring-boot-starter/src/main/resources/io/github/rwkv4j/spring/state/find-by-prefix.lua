local tenant, expired = ARGV[2], ARGV[3]
for i = 4, #ARGV do
  for _, id in ipairs(redis.call('ZREVRANGE', base .. 'prefix:' .. member(tenant, ARGV[i]), 0, -1)) do
    local name = member(tenant, id)
    if alive(name, expired) then
      local entry = redis.call('HMGET', state(name), unpack(ENTRY))
      if entry[1] then
        return entry
      end
    end
  end
end
return {}
