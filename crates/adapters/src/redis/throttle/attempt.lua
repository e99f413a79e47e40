#!lua
-- Whether an attempt to sign in may be looked at: 0, or how many milliseconds are to be waited. Once there were failures enough for a delay, an attempt that
-- may be looked at counts as a failure before it is looked at.
--
-- Without allow-oom: a Redis that is full cannot count, and then nobody may try.
--
-- KEYS: the failures of an account and an address. ARGV: now, when failures are forgotten, how long they are kept, all in ms; how many cost nothing; and the
-- delay in ms after each further one, the last of which stays.

local now = tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'failures', 'last', 'counted')
local failures, last = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
local costly = failures - tonumber(ARGV[4])
if costly <= 0 or now - last >= tonumber(ARGV[2]) then
  return 0
end
local delay = tonumber(ARGV[math.min(4 + costly, #ARGV)])
local waited = now - last
if waited < delay then
  -- A clock that is behind that of another node waits no longer for it.
  return math.min(delay - waited, delay)
end
redis.call('HSET', KEYS[1], 'failures', failures + 1, 'last', ARGV[1], 'counted', tonumber(kept[3] or 0) + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
