#!lua flags=allow-oom
--[[
  recover: active -> waiting for the jobs of a lost worker, or -> failed as `poison`
  when too many workers were lost with the same job, or -> cancelled when that was asked
  for.

  It takes two looks: a lease that is about to expire, or has expired, becomes suspect;
  it is taken back once it has expired and was suspect for a while without a renewal.
  So a Redis that was away itself, and let every lease expire, recovers nothing that a
  living worker still renews.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  gate in milliseconds: of all callers one looks per gate; 0 for no gate
  ARGV[2]  ms before its expiry from which a lease is suspect
  ARGV[3]  ms that a lease must have been suspect
  ARGV[4]  how many lost workers a job survives
  ARGV[5]  age in seconds to keep a poisonous job, or ''
  ARGV[6]  how many poisonous jobs to keep, or ''

  Returns  { recovered, then the task of each poisonous job, '' when its record is
             damaged }
  Events   stalled, then waiting | failed | cancelled; delayed, of a job that
           deduplication kept
]]
-- @include expect_types add_event header read_run put_waiting add_attempt keep_finished
-- @include leave_active end_cancelled release_dedup
local gate, early, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local maxStalled, age, count = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local sweepKey = prefix .. 'sweep'
local LEASES_PER_SWEEP = 1000

expectQueueTypes()
expectTypes({
  [finishedKey('failed')] = 'zset', [goneKey(0)] = 'hash', [sweepKey] = 'string',
  [callbacksKey] = 'hash', [outboxKey] = 'stream',
})

if gate > 0 and not redis.call('SET', sweepKey, now, 'NX', 'PX', gate) then
  return { 0 }
end

local function isRipe(id, expiry)
  local state, suspicion = unpack(readRun(id, 'state', 'suspect'))
  if state ~= 'active' then
    -- Its run is damaged: a new one begins, and the job with it.
    redis.call('UNLINK', runKey(id))
    redis.call('HSET', runKey(id), 'state', 'active')
  end
  local suspectExpiry, since = (suspicion or ''):match('^(%d+)@(%d+)$')
  if suspectExpiry ~= expiry then
    redis.call('HSET', runKey(id), 'suspect', expiry .. '@' .. string.format('%.0f', now))
    return false
  end
  return tonumber(expiry) <= now and now - tonumber(since) >= patience
end

local function attemptOf(run)
  return string.format('{"worker":"%s","started":%s,"outcome":"stalled"',
    run[1] or '', run[2] or '0')
end

local function endAsPoison(id, lease, stalled)
  local reason = string.format('Its worker was lost %d times while it ran.', stalled)
  redis.call('HSET', runKey(id), 'state', 'failed', 'finishedOn', now,
    'failedReason', reason, 'failureKind', 'poison')
  redis.call('HINCRBY', metaKey, 'failed', 1)
  addEvent('failed', id, 'failedReason', reason)
  if lease.dedup then releaseDedup(id, lease.dedup) end
  keepFinished('failed', { { id, age, count } })
end

local recovered, poisoned = 0, {}
local leases = redis.call('ZRANGEBYSCORE', activeKey, '-inf', now + early,
  'WITHSCORES', 'LIMIT', 0, LEASES_PER_SWEEP)
for i = 1, #leases, 2 do
  local id, expiry = leases[i], leases[i + 1]
  if isRipe(id, expiry) then
    local run = readRun(id, 'worker', 'processedOn', 'order', 'group', 'dedup', 'cancel')
    -- A run that was damaged names neither; the header still does.
    local header = not run[1] and readHeader(id) or { group = '', dedup = '' }
    local lease = { group = run[4] or header.group ~= '' and header.group,
      dedup = run[5] or header.dedup ~= '' and header.dedup, cancel = run[6] }
    local stalled = redis.call('HINCRBY', runKey(id), 'stalledCounter', 1)
    addAttempt(id, attemptOf(run))
    addEvent('stalled', id)
    if lease.cancel then
      endCancelled(id, lease)
    elseif stalled > maxStalled then
      local record = readHeader(id)
      poisoned[#poisoned + 1] = record and record.task or ''
      endAsPoison(id, lease, stalled)
    else
      redis.call('HSET', runKey(id), 'state', 'waiting')
      putWaitingAt(id, run[3] or '0', lease.group)
      addEvent('waiting', id, 'prev', 'active')
      recovered = recovered + 1
    end
    leaveActive({ id }, { lease })
  end
end
return { recovered, unpack(poisoned) }
