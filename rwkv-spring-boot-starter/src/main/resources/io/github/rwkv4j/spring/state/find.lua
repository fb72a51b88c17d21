local tenant, id, expired = ARGV[2], ARGV[3], ARGV[4]
local name = member(tenant, id)
if not alive(name, expired) then
  return false
end
local entry = redis.call('HMGET', state(name), 'conversation', 'prefix', 'data')
if not entry[3] then
  remove(name)
  return false
end
use(name, tenant, id, entry[1], entry[2])
return entry[3]
