local entries = {}
for i = 3, #ARGV do
  local entry = redis.call('HMGET', state(member(ARGV[2], ARGV[i])), unpack(ENTRY))
  if entry[1] then
    table.insert(entries, entry)
  end
end
return entries
