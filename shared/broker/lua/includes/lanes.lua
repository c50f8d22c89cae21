-- Groups wait in lanes of their own, served in turn, so that a group with a long line
-- delays another group's first job by one round at most. A lane that may not be served
-- (its group is at its concurrency or over its rate) is not in the round at all: its
-- jobs are never claimed only to be put back.
--   lanes        the round: lane by its last turn
--   parked       lanes over their rate: lane by the time it may go on
--   groupActive  running jobs per group; groupLimits  `c=<jobs>;m=<jobs>;d=<ms>` per
--                group, '*' for all that have none of their own
-- @include keys wake
local function openLane(group)
  if redis.call('ZSCORE', parkedKey, group) then return end
  local turns = tonumber(redis.call('HGET', metaKey, 'turns') or 0)
  -- Before the lane that was served last, after all that have waited since.
  redis.call('ZADD', lanesKey, 'NX', string.format('%.1f', turns - 0.5), group)
end

local function fileInLane(id, order, group)
  redis.call('ZADD', groupKey(group), order, id)
  redis.call('ZADD', groupedKey, order, id)
  openLane(group)
end

local function leaveGroup(group)
  if redis.call('HINCRBY', groupActiveKey, group, -1) <= 0 then
    redis.call('HDEL', groupActiveKey, group)
  end
  if redis.call('EXISTS', groupKey(group)) == 1 then
    openLane(group)
    wakeOne()
  end
end
