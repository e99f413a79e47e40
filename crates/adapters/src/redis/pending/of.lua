#!lua flags=no-writes,allow-oom
-- The ids of the entries of each stream that name somebody, of so many that were put there last. Entries hold the 16 bytes of everybody's id as they are; that
-- others come to the same by chance only means that one is waited for in vain.
--
-- KEYS: streams. ARGV: the bytes of the id, how many entries of each are looked through.

local found = {}
for at, stream in ipairs(KEYS) do
  local ids = {}
  for _, entry in ipairs(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', ARGV[2])) do
    local fields = entry[2]
    for value = 2, #fields, 2 do
      if string.find(fields[value], ARGV[1], 1, true) then
        ids[#ids + 1] = entry[1]
        break
      end
    end
  end
  found[at] = ids
end
return found
