#!lua flags=allow-oom
-- Forgets dead letters of people who were erased; the books follow, in the same step.
-- allow-oom: this frees memory.
--
-- KEYS: stream of dead letters, hash of the books. ARGV: ids of the letters.

local forgotten, arrivals = 0, 0
for _, id in ipairs(ARGV) do
  local letter = redis.call('XRANGE', KEYS[1], id, id)[1]
  if letter then
    redis.call('XDEL', KEYS[1], id)
    forgotten = forgotten + 1
    for i = 1, #letter[2], 2 do
      -- Letters that are older than the books say nothing, and are not in them.
      if letter[2][i] == 'n' then
        arrivals = arrivals + tonumber(letter[2][i + 1])
      end
    end
  end
end
if arrivals > 0 then
  redis.call('HINCRBY', KEYS[2], 'dead', -arrivals)
  redis.call('HINCRBY', KEYS[2], 'dropped', arrivals)
end
return forgotten
