-- Serve the lanes of groups in turn, each within its limits.
-- @include keys now lanes rates
local function groupLimits(group)
  local line = redis.call('HGET', groupLimitsKey, group)
    or redis.call('HGET', groupLimitsKey, '*') or ''
  return tonumber(line:match('c=(%d+)')), tonumber(line:match('m=(%d+)')),
    tonumber(line:match('d=(%d+)'))
end

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

-- Take the next job of the next lane; returns id, order, group, or nil.
local function takeFromLanes()
  while true do
    local group = redis.call('ZRANGE', lanesKey, 0, 0)[1]
    if not group then return nil end
    local head = redis.call('ZRANGE', groupKey(group), 0, 0, 'WITHSCORES')
    if not head[1] then
      redis.call('ZREM', lanesKey, group)
    elseif mayServe(group) then
      redis.call('ZADD', lanesKey, redis.call('HINCRBY', metaKey, 'turns', 1), group)
      redis.call('HINCRBY', groupActiveKey, group, 1)
      redis.call('ZREM', groupKey(group), head[1])
      redis.call('ZREM', groupedKey, head[1])
      return head[1], head[2], group
    end
  end
end
