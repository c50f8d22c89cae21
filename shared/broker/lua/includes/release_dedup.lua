-- When the holder of a deduplication id ends, the id is free again (a `ttl` holds it on),
-- and the job that was kept for this moment is created. A job that holds it no more, such
-- as one that runs again, frees nothing.
-- @include keys hold_dedup create_job add_event
local function releaseDedup(id, dedup)
  local key = dedupKey(dedup)
  local holder = redis.call('GET', key)
  if holder and holder ~= id then return end
  if holder and redis.call('PTTL', key) == -1 then redis.call('DEL', key) end
  local kept = redis.call('HMGET', nextKey(dedup), unpack(NEXT_FIELDS))
  if not kept[1] then return end
  redis.call('DEL', nextKey(dedup))
  local job = {}
  for i, name in ipairs(NEXT_FIELDS) do job[name] = kept[i] or '' end
  job.priority, job.delay = tonumber(job.priority), tonumber(job.delay)
  local state = createJob(job)
  if state then
    holdDedup(job)
    if state == 'delayed' then
      addEvent('delayed', job.id, 'delay', job.delay)
    else
      addEvent('waiting', job.id)
    end
  end
end
