#!lua
-- Counts an attempt that failed, unless it was counted before it was looked at.
--
-- KEYS: the failures of an account and an address. ARGV: now, when failures are forgotten, how long they are kept, all in ms.

local now = tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'failures', 'last', 'counted')
local failures, last, counted = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
if now - last >= tonumber(ARGV[2]) then
  failures, counted = 0, 0
end
if counted > 0 then
  counted = counted - 1
else
  failures = failures + 1
end
-- A clock that is behind that of another node shortens no delay.
redis.call('HSET', KEYS[1], 'failures', failures, 'last', math.max(now, last), 'counted', counted)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return failures
