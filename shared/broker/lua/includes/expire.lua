-- Fail the jobs that have not started within their time, at most `limit`. They end as
-- `expired`, whether they wait, are delayed, or lie in a paused queue.
-- @include keys now header state_of withdraw release_dedup keep_finished add_event
local EXPIRED_AGE, EXPIRED_COUNT = '604800', '10000'

local function expire(limit)
  local late = redis.call('ZRANGEBYSCORE', expiringKey, '-inf', now, 'LIMIT', 0, limit)
  for _, id in ipairs(late) do
    local state = stateOf(id)
    local header = readHeader(id)
    if header and (state == 'waiting' or state == 'delayed') then
      local reason = 'It did not start in time.'
      redis.call('HSET', runKey(id), 'state', 'failed', 'finishedOn', now,
        'failedReason', reason, 'failureKind', 'expired')
      redis.call('HINCRBY', metaKey, 'failed', 1)
      addEvent('failed', id, 'failedReason', reason)
      if header.dedup ~= '' then releaseDedup(id, header.dedup) end
      withdraw(id, state)
      keepFinished('failed', { { id, EXPIRED_AGE, EXPIRED_COUNT } })
    end
    redis.call('ZREM', expiringKey, id)
  end
  return #late
end
