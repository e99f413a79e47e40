#!lua flags=no-writes,allow-oom
-- Which of these entries are there, each of a stream: 1 or 0, in their order. Entries that are settled are deleted.
--
-- KEYS: the stream of each. ARGV: the id of each.

local there = {}
for at, stream in ipairs(KEYS) do
  there[at] = #redis.call('XRANGE', stream, ARGV[at], ARGV[at], 'COUNT', 1)
end
return there
