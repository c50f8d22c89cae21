#!lua flags=allow-oom
--[[
  configure: set or unset a queue's switches and limits; they hold from the next claim on.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     field, value, ...: `paused`, `concurrency`, `rateMax`, `rateMs`, or
           `group:<name>` (`group:*` for all that have none of their own) with a value
           `c=<jobs>;m=<jobs>;d=<ms>`; '' unsets

  Returns  1
  Events   paused | resumed, when that changes
]]
-- @include expect_types add_event lanes

expectQueueTypes()

local function set(key, field, value)
  if value == '' then
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, value)
  end
end

-- A lane that left the round for the old limit may go on under the new one: those over
-- their rate lie in `parked`, those at their concurrency have jobs that run.
local function openAllLanes()
  redis.call('ZUNIONSTORE', parkedKey, 1, parkedKey, 'WEIGHTS', 0)
  for _, running in ipairs(redis.call('HKEYS', groupActiveKey)) do
    if redis.call('EXISTS', groupKey(running)) == 1 then openLane(running) end
  end
end

local wasPaused = redis.call('HEXISTS', metaKey, 'paused')
for i = 1, #ARGV, 2 do
  local group = ARGV[i]:match('^group:(.+)$')
  if group then
    set(groupLimitsKey, group, ARGV[i + 1])
    redis.call('ZREM', parkedKey, group)
    if group == '*' then openAllLanes() end
    if redis.call('EXISTS', groupKey(group)) == 1 then openLane(group) end
  else
    set(metaKey, ARGV[i], ARGV[i + 1])
  end
end
local isPaused = redis.call('HEXISTS', metaKey, 'paused')
if isPaused > wasPaused then addEvent('paused', '') end
if isPaused < wasPaused then addEvent('resumed', '') end

wakeOne()
return 1
