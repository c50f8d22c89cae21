-- Marks of removed jobs, kept for one to two minutes: a script that is sent again after
-- a lost reply must neither create a job anew nor take its lease for lost. A mark is
-- `<operation>;<settled>`; marks lie in one hash per minute, which expires whole.
-- @include keys now
local MINUTE_MS = 60000

local function goneKey(minutesAgo)
  return prefix .. 'gone:' .. string.format('%.0f', math.floor(now / MINUTE_MS) - minutesAgo)
end

local function readGone(id)
  return redis.call('HGET', goneKey(0), id) or redis.call('HGET', goneKey(1), id)
end

-- `marks` is a flat list of id, mark, id, mark, ...
local function markGone(marks)
  redis.call('HSET', goneKey(0), unpack(marks))
  redis.call('PEXPIRE', goneKey(0), 2 * MINUTE_MS)
end
