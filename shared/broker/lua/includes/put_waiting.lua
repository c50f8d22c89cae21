-- Put a job at the end of its priority. Priority and arrival share one score, which
-- stays below 2^53: up to 1000 priorities, 2^40 arrivals each.
-- @include keys wake lanes
local ARRIVALS_PER_PRIORITY = 1099511627776

local function newOrder(priority)
  local arrival = redis.call('HINCRBY', metaKey, 'arrivals', 1)
  return string.format('%.0f', priority * ARRIVALS_PER_PRIORITY + arrival)
end

-- At a place of the caller's choice, such as the old one of a job that is handed back.
local function putWaitingAt(id, order, group)
  if group and group ~= '' then
    fileInLane(id, order, group)
  else
    redis.call('ZADD', waitingKey, order, id)
  end
  wakeOne()
end

local function putWaiting(id, priority, group)
  putWaitingAt(id, newOrder(priority), group)
end

local function takeWaiting(id, group)
  if group and group ~= '' then
    redis.call('ZREM', groupKey(group), id)
    redis.call('ZREM', groupedKey, id)
  else
    redis.call('ZREM', waitingKey, id)
  end
end
