-- Look for a job that stands for another by their deduplication id.
-- @include keys hold_dedup state_of withdraw remove_jobs add_event
local function keepNext(job)
  local fields = {}
  for _, name in ipairs(NEXT_FIELDS) do
    fields[#fields + 1] = name
    fields[#fields + 1] = tostring(job[name])
  end
  redis.call('HSET', nextKey(job.dedup), unpack(fields))
end

-- Returns the id of the job that stands for this one, or nil when it is to be created.
local function findDuplicate(job)
  local holder = redis.call('GET', dedupKey(job.dedup))
  if not holder then return nil end
  if redis.call('EXISTS', jobKey(holder)) == 0 then
    -- It ended and was not kept; its `ttl` may still stand for it.
    if redis.call('PTTL', dedupKey(job.dedup)) < 0 then return nil end
    addEvent('deduplicated', holder, 'deduplicatedJobId', job.id)
    return holder
  end
  local state = stateOf(holder)
  local ttl = job.mode:match('ttl=(%d+)')
  if job.mode:match('extend') and ttl then
    redis.call('PEXPIRE', dedupKey(job.dedup), ttl)
  end
  local isKept = job.mode:match('keep')
  if isKept and state == 'active' then
    keepNext(job)
  elseif state == 'delayed' and (isKept or job.mode:match('replace'))
    or state == 'waiting' and isKept then
    withdraw(holder, state)
    removeJobs({ holder })
    redis.call('DEL', nextKey(job.dedup))
    addEvent('removed', holder, 'prev', state)
    return nil
  end
  addEvent('deduplicated', holder, 'deduplicatedJobId', job.id)
  return holder
end
