#!lua flags=no-writes
-- Reads what the queue holds, all at one instant.
--
-- KEYS: hash of the books, stream of dead letters, streams of pings. ARGV: the fields of the books.
-- Answers: the values of the books, how many letters there are, the time in ms, and of each stream its entries, how many of them are taken, its bytes, and when the first of
-- its entries was put there (0 when it has none).

local time = redis.call('TIME')
local look = {redis.call('HMGET', KEYS[1], unpack(ARGV)), redis.call('XLEN', KEYS[2]), time[1] * 1000 + math.floor(time[2] / 1000)}
for at = 3, #KEYS do
  local stream = KEYS[at]
  local entries, taken, first = redis.call('XLEN', stream), 0, 0
  if redis.call('EXISTS', stream) == 1 then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      for i = 1, #group, 2 do
        if group[i] == 'pending' then
          taken = taken + group[i + 1]
        end
      end
    end
  end
  if entries > 0 then
    local id = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1]
    first = tonumber(string.match(id, '^%d+'))
  end
  look[#look + 1] = {entries, taken, redis.call('MEMORY', 'USAGE', stream) or 0, first}
end
return look
