#!lua flags=allow-oom
--[[
  stop: active -> cancelled, by the worker that held the job and gave it up.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     per job: id, token, the attempt as JSON without its end

  Returns  per job 1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   cancelled; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types check_lease add_attempt leave_active end_cancelled
local PER_JOB = 3

expectQueueTypes()
expectTypes({ [finishedKey('cancelled')] = 'zset', [goneKey(0)] = 'hash',
  [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local answers, ids, leases = {}, {}, {}
for i = 1, #ARGV, PER_JOB do
  local id, token, attempt = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local answer, lease = checkLease(id, token, 'stop')
  answers[#answers + 1] = answer
  if answer == HELD then
    lease.cancel = lease.cancel or ':'
    redis.call('HSET', runKey(id), 'settled', 'stop:' .. token)
    addAttempt(id, attempt)
    endCancelled(id, lease)
    ids[#ids + 1], leases[#leases + 1] = id, lease
  end
end
if #ids > 0 then leaveActive(ids, leases) end
return answers
