#!lua
-- Puts a dead letter back into the queue and forgets it, in one step.
--
-- KEYS: stream of dead letters, stream of the shard it goes to. ARGV: id of the letter.

local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then
  return 0
end
local fields = letter[2]
for i = 1, #fields, 2 do
  if fields[i] == 'p' then
    redis.call('XADD', KEYS[2], '*', 'p', fields[i + 1])
    return redis.call('XDEL', KEYS[1], ARGV[1])
  end
end
return 0
