-- Put a job to the waiting ones, or take it out.
-- @include keys wake lanes new_order
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
