#!lua flags=allow-oom
--[[
  complete: active -> completed, for the jobs of one group commit.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     per job: id, token, return value (JSON), age to keep in seconds or '',
           count to keep or ''

  Returns  per job 1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   completed; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types add_event check_lease keep_finished leave_active release_dedup
local PER_JOB = 5

expectQueueTypes()
expectTypes({ [finishedKey('completed')] = 'zset', [goneKey(0)] = 'hash',
  [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local answers, finished, ids, leases = {}, {}, {}, {}
for i = 1, #ARGV, PER_JOB do
  local id, token, returnvalue = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local answer, lease = checkLease(id, token, 'complete')
  answers[#answers + 1] = answer
  if answer == HELD then
    local run = runKey(id)
    if lease.attemptsMade > 0 then
      -- What an earlier attempt died of is in the history; this job is well.
      redis.call('HDEL', run, 'failedReason', 'failureKind', 'stacktrace')
    end
    redis.call('HSET', run, 'state', 'completed', 'finishedOn', now,
      'attemptsMade', lease.attemptsMade + 1, 'returnvalue', returnvalue,
      'settled', 'complete:' .. token)
    finished[#finished + 1] = { id, ARGV[i + 3], ARGV[i + 4] }
    ids[#ids + 1], leases[#leases + 1] = id, lease
    if lease.dedup then releaseDedup(id, lease.dedup) end
  end
end
if #ids > 0 then
  redis.call('HINCRBY', metaKey, 'completed', #ids)
  addEvent('completed', table.concat(ids, ' '))
  keepFinished('completed', finished)
  leaveActive(ids, leases)
end
return answers
