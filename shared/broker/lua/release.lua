#!lua flags=allow-oom
--[[
  release: active -> waiting at the job's old place, or -> delayed; no attempt consumed.
  For jobs that a worker hands back: at shutdown, claimed ahead of need, or of a task
  that it doesn't know; -> cancelled when that was asked for meanwhile.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     per job: id, token, delay in milliseconds (0: at the front), the attempt as
           JSON without its end ('' when task code had not begun)

  Returns  per job 1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   waiting | delayed | cancelled
]]
-- @include expect_types add_event put_waiting put_delayed check_lease add_attempt
-- @include leave_active end_cancelled
local PER_JOB = 4

expectQueueTypes()
expectTypes({ [expiringKey] = 'zset' })

local answers, ids, leases = {}, {}, {}
for i = 1, #ARGV, PER_JOB do
  local id, token, delay, attempt = unpack(ARGV, i, i + PER_JOB - 1)
  local answer, lease = checkLease(id, token, 'release')
  answers[#answers + 1] = answer
  if answer == HELD then
    local state = tonumber(delay) > 0 and 'delayed' or 'waiting'
    local order, expires = unpack(redis.call('HMGET', runKey(id), 'order', 'expires'))
    if attempt == '' then
      local begun = redis.call('HINCRBY', runKey(id), 'attemptsStarted', -1)
      -- It never began, so its time to begin runs on.
      if expires and begun == 0 and not lease.cancel then
        redis.call('ZADD', expiringKey, expires, id)
      end
    else
      addAttempt(id, attempt)
    end
    redis.call('HSET', runKey(id), 'state', state, 'settled', 'release:' .. token)
    if lease.cancel then
      endCancelled(id, lease)
    elseif state == 'delayed' then
      putDelayed(id, now + tonumber(delay))
      addEvent('delayed', id, 'delay', delay)
    else
      putWaitingAt(id, order, lease.group)
      addEvent('waiting', id, 'prev', 'active')
    end
    ids[#ids + 1], leases[#leases + 1] = id, lease
  end
end
if #ids > 0 then leaveActive(ids, leases) end
return answers
