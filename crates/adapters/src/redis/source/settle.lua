#!lua flags=allow-oom
-- Ends a batch in one step: its entries are acknowledged and deleted, its dead letters kept, what became of it is counted, and the door is told how far devices are
-- merged. What somebody else has settled already, after a batch was taken over or an answer was lost, is neither kept nor counted again.
-- allow-oom: this frees memory, so it must work in a Redis that is full.
--
-- KEYS: stream of the shard, stream of dead letters, hash of merged numbers, hash of the books.
-- Answers how many arrivals it settled, and when that was, in ms.
-- ARGV: group, shard, number of entries, their ids, of each how many arrivals are merged, refused, dropped and dead, number of letters, of each its entry, its
-- count of arrivals, its bytes and its reason, number of devices, their ids, their numbers.

-- How many go into one command: unpack may put some 8,000 values on Lua's stack.
local AT_ONCE = 1000
local FATES = {'merged', 'refused', 'dropped', 'dead'}

local entries = tonumber(ARGV[3])
local first_id, first_fate = 4, 4 + entries
-- Which entries this settles: those that it deletes.
local ours = {}
for first = 0, entries - 1, AT_ONCE do
  local last = math.min(first + AT_ONCE, entries) - 1
  local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, first_id + first, first_id + last))
  if acked == last - first + 1 then
    -- The usual case: nobody has settled any of them, so they need not be told apart.
    redis.call('XDEL', KEYS[1], unpack(ARGV, first_id + first, first_id + last))
    for entry = first, last do
      ours[entry] = true
    end
  else
    for entry = first, last do
      ours[entry] = redis.call('XDEL', KEYS[1], ARGV[first_id + entry]) == 1
    end
  end
end

local counts, settled = {0, 0, 0, 0}, 0
for entry = 0, entries - 1 do
  if ours[entry] then
    for fate = 1, 4 do
      local count = tonumber(ARGV[first_fate + 4 * entry + fate - 1])
      counts[fate] = counts[fate] + count
      settled = settled + count
    end
  end
end
for fate = 1, 4 do
  if counts[fate] > 0 then
    redis.call('HINCRBY', KEYS[4], FATES[fate], counts[fate])
  end
end
if settled > 0 then
  -- What was in the streams before there were books was not counted when it came in, so it is now.
  local unknown = settled - tonumber(redis.call('HGET', KEYS[4], 'in_flight') or 0)
  if unknown > 0 then
    redis.call('HINCRBY', KEYS[4], 'received', unknown)
    redis.call('HINCRBY', KEYS[4], 'in_flight', unknown)
  end
  redis.call('HINCRBY', KEYS[4], 'in_flight', -settled)
end

local at = first_fate + 4 * entries
local letters_end = at + 4 * tonumber(ARGV[at])
for letter = at + 1, letters_end, 4 do
  if ours[tonumber(ARGV[letter])] then
    redis.call('XADD', KEYS[2], '*', 'p', ARGV[letter + 2], 'reason', ARGV[letter + 3], 'shard', ARGV[2], 'n', ARGV[letter + 1])
  end
end
at = letters_end + 1

local devices = tonumber(ARGV[at])
local devices_end = at + devices
for first = at + 1, devices_end, AT_ONCE do
  local last = math.min(first + AT_ONCE - 1, devices_end)
  local known = redis.call('HMGET', KEYS[3], unpack(ARGV, first, last))
  local higher = {}
  for i = first, last do
    local old, new = known[i - first + 1], ARGV[i + devices]
    -- A number never goes down. They are compared as text, because Lua's numbers end at 2^53.
    if not old or #old < #new or (#old == #new and old < new) then
      higher[#higher + 1] = ARGV[i]
      higher[#higher + 1] = new
    end
  end
  if #higher > 0 then
    redis.call('HSET', KEYS[3], unpack(higher))
  end
end
local time = redis.call('TIME')
return {settled, time[1] * 1000 + math.floor(time[2] / 1000)}
