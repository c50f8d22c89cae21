-- Remove jobs whose time is over, at most `limit`; returns how many. `leaving` holds those
-- that are kept for a time of their own, by its end.
-- @include keys now remove_jobs
local function removeAged(limit)
  local due = redis.call('ZRANGEBYSCORE', leavingKey, '-inf', now, 'LIMIT', 0, limit)
  local aged = {}
  for _, id in ipairs(due) do
    if redis.call('ZREM', finishedKey('completed'), id)
      + redis.call('ZREM', finishedKey('failed'), id)
      + redis.call('ZREM', finishedKey('cancelled'), id) > 0 then
      aged[#aged + 1] = id
    else
      redis.call('ZREM', leavingKey, id)
    end
  end
  removeJobs(aged)
  return #aged
end
