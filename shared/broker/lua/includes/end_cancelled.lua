-- End a job as cancelled; `keep` is `<age>:<count>` of the wish to cancel.
-- @include keys now add_event keep_finished release_dedup
local function endCancelled(id, lease)
  local age, count = lease.cancel:match('^(%d*):(%d*)$')
  redis.call('HSET', runKey(id), 'state', 'cancelled', 'finishedOn', now)
  redis.call('HDEL', runKey(id), 'cancel')
  addEvent('cancelled', id, 'prev', 'active')
  if lease.dedup then releaseDedup(id, lease.dedup) end
  keepFinished('cancelled', { { id, age or '', count or '' } })
end
