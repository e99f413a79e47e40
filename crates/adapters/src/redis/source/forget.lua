#!lua
-- Forgets workers that were not heard of for long and hold nothing. In one step, because what one took in between would never be delivered again.
--
-- KEYS: stream of the shard. ARGV: group, the name that stays, how long not heard of in ms.

local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local is = {}
  for i = 1, #consumer, 2 do
    is[consumer[i]] = consumer[i + 1]
  end
  if is.name ~= ARGV[2] and is.pending == 0 and is.idle > tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is.name)
    forgotten = forgotten + 1
  end
end
return forgotten
