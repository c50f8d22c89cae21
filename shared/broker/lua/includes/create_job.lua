-- Write a new job's record and put it in its place. Returns its state, or nil when a
-- damaged record holds the id.
-- @include keys now new_header put_waiting put_delayed
local function createJob(job)
  local stored = newHeader(job) .. job.record
  if not redis.call('SET', jobKey(job.id), stored, 'NX') then return nil end
  if job.callback ~= '' then redis.call('HSET', callbacksKey, job.id, job.callback) end
  if job.expires ~= '' then
    redis.call('ZADD', expiringKey, now + job.delay + tonumber(job.expires), job.id)
  end
  if job.delay > 0 then
    putDelayed(job.id, now + job.delay)
    return 'delayed'
  end
  putWaiting(job.id, job.priority, job.group)
  return 'waiting'
end
