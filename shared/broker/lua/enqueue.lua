#!lua
--[[
  enqueue: (none) -> waiting | delayed, for one job or many. Refused by a full Redis, as
  it must be.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  2 when exactly this was sent before and its reply was lost, 1 when others may
           have sent its jobs before, else 0
  ARGV     from 2 on per job: id; operation id, the same one marks the same request sent
           again; task name; priority, 1 runs first; delay in milliseconds, 0 for none;
           milliseconds within which it must start, or ''; group or ''; deduplication id
           or ''; its mode, such as `ttl=5000;extend;replace;keep`; the states to tell
           its caller of, a line feed and the address, or ''; the rest of the record, JSON

  Returns  per job: created (1, or 0 when another request created this id or one of the
           same deduplication id before), the id that stands for it, its state, when it
           was accepted (epoch ms)
  Events   waiting | delayed | deduplicated | removed
]]
-- @include enqueue_plain
local plainReply = isPlain() and enqueuePlain()
if plainReply then return plainReply end

-- @include expect_types header add_event create_job find_duplicate state_of gone
-- @include was_executed
local PER_JOB = 11

local function millis() return string.format('%.0f', now) end

local jobs = {}
for i = 2, #ARGV, PER_JOB do
  jobs[#jobs + 1] = {
    id = ARGV[i], operation = ARGV[i + 1], task = ARGV[i + 2],
    priority = tonumber(ARGV[i + 3]), delay = tonumber(ARGV[i + 4]),
    expires = ARGV[i + 5], group = ARGV[i + 6], dedup = ARGV[i + 7], mode = ARGV[i + 8],
    callback = ARGV[i + 9], record = ARGV[i + 10],
  }
end

expectQueueTypes()
expectTypes({ [callbacksKey] = 'hash', [expiringKey] = 'zset', [goneKey(0)] = 'hash' })

local function standsFor(holder)
  local header = readHeader(holder)
  local isThere = redis.call('EXISTS', jobKey(holder)) == 1
  return 0, holder, isThere and stateOf(holder) or 'removed',
    header and header.acceptedAt or millis()
end

-- Returns created, id, state and time, and whether it is new and an event is to follow.
local function enqueue(job, isResent, isExecuted)
  local existing = readHeader(job.id)
  if existing then
    local created = existing.operation == job.operation and 1 or 0
    return created, job.id, stateOf(job.id), existing.acceptedAt
  end
  if isResent and isGone(job) then return 1, job.id, 'removed', millis() end
  if isExecuted and job.dedup ~= '' then
    return standsFor(redis.call('GET', dedupKey(job.dedup)) or job.id)
  end
  if job.dedup ~= '' then
    local holder = findDuplicate(job)
    if holder then return standsFor(holder) end
  end
  local state = createJob(job)
  -- A damaged record holds the id; it is found out when its turn comes.
  if not state then return 0, job.id, stateOf(job.id), millis() end
  if job.dedup ~= '' then holdDedup(job) end
  return 1, job.id, state, millis(), true
end

local reply, waiting = {}, {}
local isResent, isExecuted = ARGV[1] ~= '0', ARGV[1] == '2' and wasExecuted(jobs)

local function tellWaiting()
  if #waiting > 0 then addEvent('waiting', table.concat(waiting, ' ')) end
  waiting = {}
end

for _, job in ipairs(jobs) do
  -- What stands for an earlier job of this batch must not be told before that job.
  if job.dedup ~= '' then tellWaiting() end
  local created, id, state, acceptedAt, isNew = enqueue(job, isResent, isExecuted)
  if isNew and state == 'waiting' then
    waiting[#waiting + 1] = id
  elseif isNew then
    addEvent('delayed', id, 'delay', string.format('%.0f', job.delay))
  end
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3], reply[at + 4] = created, id, state, acceptedAt
end
tellWaiting()
return reply
