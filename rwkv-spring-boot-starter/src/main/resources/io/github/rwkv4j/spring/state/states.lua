-- Keys and steps that the scripts of RedisStateStore share; each begins with this text.
-- ARGV[1]: what all keys begin with. They share a hash tag, so that a cluster keeps them on one node.
--   state:<tenant>/<id>                    hash: the entry and its data
--   used, created                          all states (<tenant>/<id>), by last use and by time in milliseconds
--   tenant:<tenant>                        ids, by time
--   conversation:<tenant>/<conversation>   ids, by last use
--   prefix:<tenant>/<prefix>               ids, by last use
--   bytes, uses                            bytes of all data; a count that orders the uses
local base = ARGV[1]
local ENTRY = {'tenant', 'id', 'conversation', 'prefix', 'tokens', 'created', 'bytes'}

local function member(tenant, id)
  return tenant .. '/' .. id
end

local function state(name)
  return base .. 'state:' .. name
end

local function use(name, tenant, id, conversation, prefix)
  local count = redis.call('INCR', base .. 'uses')
  redis.call('ZADD', base .. 'used', count, name)
  redis.call('ZADD', base .. 'conversation:' .. member(tenant, conversation), count, id)
  redis.call('ZADD', base .. 'prefix:' .. member(tenant, prefix), count, id)
end

local function remove(name)
  redis.call('ZREM', base .. 'used', name)
  redis.call('ZREM', base .. 'created', name)
  local entry = redis.call('HMGET', state(name), 'tenant', 'id', 'conversation', 'prefix', 'bytes')
  if not entry[1] then
    return 0
  end
  redis.call('ZREM', base .. 'tenant:' .. entry[1], entry[2])
  redis.call('ZREM', base .. 'conversation:' .. member(entry[1], entry[3]), entry[2])
  redis.call('ZREM', base .. 'prefix:' .. member(entry[1], entry[4]), entry[2])
  redis.call('DECRBY', base .. 'bytes', entry[5])
  redis.call('UNLINK', state(name))
  return 1
end

local function remove_expired(limit)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', base .. 'created', '-inf', limit, 'LIMIT', 0, 1000)) do
    remove(name)
  end
end

local function alive(name, limit)
  local created = redis.call('ZSCORE', base .. 'created', name)
  return created and tonumber(created) > tonumber(limit)
end
