#!lua flags=allow-oom
-- Ends a batch in one step: its entries are acknowledged and deleted, its dead letters kept, and the door is told how far devices are merged.
-- allow-oom: this frees memory, so it must work in a Redis that is full.
--
-- KEYS: stream of the shard, stream of dead letters, hash of merged numbers.
-- ARGV: group, shard, number of entries, their ids, number of letters, bytes and reason of each, number of devices, their ids, their numbers.

-- How many go into one command: unpack may put some 8,000 values on Lua's stack.
local AT_ONCE = 1000

local at = 4
local deleted = 0
local ids_end = 3 + tonumber(ARGV[3])
while at <= ids_end do
  local last = math.min(at + AT_ONCE - 1, ids_end)
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, at, last))
  deleted = deleted + redis.call('XDEL', KEYS[1], unpack(ARGV, at, last))
  at = last + 1
end

local letters_end = at + 2 * tonumber(ARGV[at])
at = at + 1
while at < letters_end do
  -- Whoever settles the batch a second time, after an answer was lost or somebody took it over, finds no entries and keeps no letter twice.
  if deleted > 0 then
    redis.call('XADD', KEYS[2], '*', 'p', ARGV[at], 'reason', ARGV[at + 1], 'shard', ARGV[2])
  end
  at = at + 2
end

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
return deleted
