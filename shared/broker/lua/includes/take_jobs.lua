-- Choose the jobs that may start now, within the limits of the queue and of its groups.
-- @include keys now serve_lanes promote rates
local function earlier(a, b)
  if a < 0 then return b end
  return b < 0 and a or math.min(a, b)
end

-- Returns how many of `count` may start, ms until more may (-1: unknown), and ms of the
-- queue's rate, if it has one.
local function withinLimits(count)
  local paused, concurrency, rateMax, rateMs = unpack(redis.call('HMGET', metaKey,
    'paused', 'concurrency', 'rateMax', 'rateMs'))
  if paused then return 0, -1 end
  local nextMs = millisecondsToNextDue()
  if concurrency then
    count = math.min(count, tonumber(concurrency) - redis.call('ZCARD', activeKey))
  end
  if rateMax then
    local left, endsIn = startsLeft(rateKey, tonumber(rateMax), tonumber(rateMs))
    if left <= 0 then nextMs = earlier(nextMs, endsIn) end
    count = math.min(count, left)
  end
  return count, nextMs, rateMax and rateMs
end

local function add(taken, id, order, group)
  local at = #taken
  taken[at + 1], taken[at + 2], taken[at + 3] = id, order, group
end

-- Returns a flat list of id, order, group (false for none). Jobs without a group take
-- every other turn.
local function takeJobs(count)
  local taken = {}
  local loose = redis.call('ZRANGE', waitingKey, 0, count - 1, 'WITHSCORES')
  local isGrouped = redis.call('EXISTS', lanesKey, parkedKey) > 0
  if isGrouped then unpark() end
  local i, lanesLeft = 1, isGrouped
  while #taken < 3 * count and (loose[i] or lanesLeft) do
    if loose[i] then
      add(taken, loose[i], loose[i + 1], false)
      i = i + 2
    end
    if lanesLeft and #taken < 3 * count then
      local id, order, group = takeFromLanes()
      lanesLeft = id ~= nil
      if id then add(taken, id, order, group) end
    end
  end
  return taken
end

local function millisecondsToNextLane()
  local first = redis.call('ZRANGE', parkedKey, 0, 0, 'WITHSCORES')[2]
  return first and math.max(1, tonumber(first) - now) or -1
end
