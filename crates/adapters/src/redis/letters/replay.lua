#!lua
-- Puts a dead letter back into the queue and forgets it, in one step; the books follow.
--
-- KEYS: stream of dead letters, stream of the shard it goes to, hash of the books. ARGV: id of the letter, how many arrivals it counts as if it does not say so.

local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then
  return 0
end
local is = {}
for i = 1, #letter[2], 2 do
  is[letter[2][i]] = letter[2][i + 1]
end
if not is.p then
  return 0
end
redis.call('XADD', KEYS[2], '*', 'p', is.p)
redis.call('XDEL', KEYS[1], ARGV[1])
if is.n then
  redis.call('HINCRBY', KEYS[3], 'dead', -is.n)
else
  -- A letter that is older than the books is in none of them.
  redis.call('HINCRBY', KEYS[3], 'received', ARGV[2])
end
redis.call('HINCRBY', KEYS[3], 'in_flight', is.n or ARGV[2])
return 1
