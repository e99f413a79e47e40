-- Adds an entry to the stream of announcements, after it has been rid of what nobody needs to hear any more.
-- KEYS: the stream. ARGV: how long an entry can be heard, in milliseconds; how many entries there may be; the fields of the entry and their values in turn.
-- The time is the one that ids are made of, so no clock but that of Redis decides what is old. An entry that there is no room for is refused: the one that
-- would have to make room for it may still be needed.
-- A Redis that is full lets a script go on that has written, and trimming may be done then too: so an end is told also where no ping can be kept.
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', oldest))
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2]) then
    return 0
end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
return 1
