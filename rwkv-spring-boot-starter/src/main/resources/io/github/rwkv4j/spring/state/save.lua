local tenant, id, conversation, prefix = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local milliseconds, data = ARGV[9], ARGV[10]
local most, most_of_conversation, expired = tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13]
local name = member(tenant, id)
if redis.call('EXISTS', state(name)) == 1 then
  return 0
end
redis.call('HSET', state(name), 'tenant', tenant, 'id', id, 'conversation', conversation, 'prefix', prefix,
  'tokens', ARGV[6], 'created', ARGV[7], 'bytes', ARGV[8], 'data', data)
redis.call('INCRBY', base .. 'bytes', ARGV[8])
redis.call('ZADD', base .. 'created', milliseconds, name)
redis.call('ZADD', base .. 'tenant:' .. tenant, milliseconds, id)
use(name, tenant, id, conversation, prefix)

remove_expired(expired)

if most_of_conversation > 0 then
  local ids = redis.call('ZRANGE', base .. 'conversation:' .. member(tenant, conversation), 0, -1)
  local held = 0
  for i = #ids, 1, -1 do
    local other = member(tenant, ids[i])
    held = held + tonumber(redis.call('HGET', state(other), 'bytes') or 0)
    if held > most_of_conversation and other ~= name then
      remove(other)
    end
  end
end

while tonumber(redis.call('GET', base .. 'bytes')) > most do
  local oldest = redis.call('ZRANGE', base .. 'used', 0, 0)[1]
  if not oldest or oldest == name then
    break
  end
  remove(oldest)
end
return 1
