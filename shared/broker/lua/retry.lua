#!lua flags=allow-oom
--[[
  retry: active -> delayed (waiting when the delay is 0), after a failed attempt;
  -> cancelled when that was asked for meanwhile.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     per job: id, token, delay in milliseconds, reason, kind, stack trace,
           the attempt as JSON without its end

  Returns  per job 1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   delayed | waiting | cancelled
]]
-- @include expect_types header add_event put_waiting put_delayed check_lease add_attempt
-- @include leave_active end_cancelled
local PER_JOB = 7

expectQueueTypes()

local answers, ids, leases = {}, {}, {}
for i = 1, #ARGV, PER_JOB do
  local id, token, delay, reason, kind, stacktrace, attempt =
    unpack(ARGV, i, i + PER_JOB - 1)
  local answer, lease = checkLease(id, token, 'retry')
  answers[#answers + 1] = answer
  if answer == HELD then
    local state = tonumber(delay) > 0 and 'delayed' or 'waiting'
    redis.call('HSET', runKey(id), 'state', state, 'attemptsMade', lease.attemptsMade + 1,
      'failedReason', reason, 'failureKind', kind, 'stacktrace', stacktrace,
      'settled', 'retry:' .. token)
    addAttempt(id, attempt)
    if lease.cancel then
      endCancelled(id, lease)
    elseif state == 'delayed' then
      putDelayed(id, now + tonumber(delay))
      addEvent('delayed', id, 'delay', delay, 'failedReason', reason)
    else
      local header = readHeader(id)
      putWaiting(id, header and header.priority or 1, lease.group)
      if header then stampWaitingSince(id) end
      addEvent('waiting', id, 'prev', 'active', 'failedReason', reason)
    end
    ids[#ids + 1], leases[#leases + 1] = id, lease
  end
end
if #ids > 0 then
  redis.call('HINCRBY', metaKey, 'retried', #ids)
  leaveActive(ids, leases)
end
return answers
