-- Serve the lanes of groups in turn, each within its limits.
-- @include keys now lanes rates group_limits
-- Lanes that may not be served and that one script meets at most; the rest of the round
-- is the next one's.
local LANES_PASSED = 200
local function unpark()
  local ready = redis.call('ZRANGEBYSCORE', parkedKey, '-inf', now, 'LIMIT', 0, 100)
  for _, group in ipairs(ready) do
    redis.call('ZREM', parkedKey, group)
    openLane(group)
  end
end

-- Whether the lane's head may start now; a lane that may not leaves the round.
local function mayServe(group)
  local concurrency, rateMax, rateMs = groupLimits(group)
  if concurrency then
    local running = tonumber(redis.call('HGET', groupActiveKey, group) or 0)
    if running >= concurrency then
      redis.call('ZREM', lanesKey, group)
      return false
    end
  end
  if rateMax then
    local left, endsIn = startsLeft(groupRateKey(group), rateMax, rateMs)
    if left <= 0 then
      redis.call('ZADD', parkedKey, now + endsIn, group)
      redis.call('ZREM', lanesKey, group)
      return false
    end
    countStarts(groupRateKey(group), 1, rateMs)
  end
  return true
end

local lanesPassed = 0

-- Take the next job of the next lane; returns id, order, group, or nil.
local function takeFromLanes()
  while lanesPassed < LANES_PASSED do
    local group = redis.call('ZRANGE', lanesKey, 0, 0)[1]
    if not group then return nil end
    local head = redis.call('ZRANGE', groupKey(group), 0, 0, 'WITHSCORES')
    lanesPassed = lanesPassed + 1
    if not head[1] then
      redis.call('ZREM', lanesKey, group)
    elseif not redis.call('ZSCORE', groupedKey, head[1]) then
      -- It was withdrawn by someone who did not know its group.
      redis.call('ZREM', groupKey(group), head[1])
    elseif mayServe(group) then
      lanesPassed = lanesPassed - 1
      redis.call('ZADD', lanesKey, redis.call('HINCRBY', metaKey, 'turns', 1), group)
      redis.call('HINCRBY', groupActiveKey, group, 1)
      redis.call('ZREM', groupKey(group), head[1])
      redis.call('ZREM', groupedKey, head[1])
      return head[1], head[2], group
    end
  end
end
