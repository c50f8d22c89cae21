-- Deduplication, as BullMQ has it. A key per deduplication id names the job that holds
-- it: until that job ends (simple), for a time (`ttl`, throttle; `extend` prolongs it at
-- each hit), or as long as later jobs keep replacing a delayed one (`replace`,
-- debounce). With `keep` a job that comes while the holder runs waits for its end, and
-- only the last such job counts.
-- @include keys
local NEXT_FIELDS = { 'id', 'operation', 'task', 'priority', 'delay', 'expires', 'group',
  'dedup', 'mode', 'callback', 'record' }

local function holdDedup(job)
  local ttl = job.mode:match('ttl=(%d+)')
  if ttl then
    redis.call('SET', dedupKey(job.dedup), job.id, 'PX', ttl)
  else
    redis.call('SET', dedupKey(job.dedup), job.id)
  end
end
