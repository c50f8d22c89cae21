#!lua flags=allow-oom
--[[
  fail: active -> failed, when no attempt follows.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     per job: id, token, reason, kind, stack trace, the attempt as JSON without
           its end, age to keep in seconds or '', count to keep or ''

  Returns  per job 1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   failed; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types add_event check_lease add_attempt keep_finished leave_active
-- @include release_dedup
local PER_JOB = 8

expectQueueTypes()
expectTypes({ [finishedKey('failed')] = 'zset', [goneKey(0)] = 'hash',
  [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local answers, finished, ids, leases = {}, {}, {}, {}
for i = 1, #ARGV, PER_JOB do
  local id, token, reason, kind, stacktrace, attempt, age, count =
    unpack(ARGV, i, i + PER_JOB - 1)
  local answer, lease = checkLease(id, token, 'fail')
  answers[#answers + 1] = answer
  if answer == HELD then
    redis.call('HSET', runKey(id), 'state', 'failed', 'finishedOn', now,
      'attemptsMade', lease.attemptsMade + 1,
      'failedReason', reason, 'failureKind', kind, 'stacktrace', stacktrace,
      'settled', 'fail:' .. token)
    addAttempt(id, attempt)
    addEvent('failed', id, 'failedReason', reason)
    finished[#finished + 1] = { id, age, count }
    ids[#ids + 1], leases[#leases + 1] = id, lease
    if lease.dedup then releaseDedup(id, lease.dedup) end
  end
end
if #ids > 0 then
  redis.call('HINCRBY', metaKey, 'failed', #ids)
  keepFinished('failed', finished)
  leaveActive(ids, leases)
end
return answers
