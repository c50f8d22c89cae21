-- Move jobs whose time has come to waiting, at most `limit`; returns how many.
-- @include keys now header read_run add_event put_waiting
local function promoteOne(id)
  local header = readHeader(id)
  if header then
    putWaiting(id, header.priority, header.group)
    stampWaitingSince(id)
    addEvent('waiting', id, 'prev', 'delayed')
  else
    -- The record is damaged: waiting is where a consumer finds out and fails it.
    putWaiting(id, 1)
  end
  if readRun(id, 'state')[1] then redis.call('HSET', runKey(id), 'state', 'waiting') end
  redis.call('ZREM', delayedKey, id)
end

local function promote(limit)
  local due = redis.call('ZRANGEBYSCORE', delayedKey, '-inf', now, 'LIMIT', 0, limit)
  for _, id in ipairs(due) do promoteOne(id) end
  return #due
end

local function millisecondsToNextDue()
  local first = redis.call('ZRANGE', delayedKey, 0, 0, 'WITHSCORES')
  if not first[2] then return -1 end
  return math.max(0, tonumber(first[2]) - now)
end
