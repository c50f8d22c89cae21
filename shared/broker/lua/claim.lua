#!lua flags=allow-oom
--[[
  claim: waiting -> active, for up to `count` jobs at once, within the queue's limits and
  those of groups. Jobs that fall due are promoted first, jobs that are too late fail, so
  that nobody else has to see to it.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  worker name
  ARGV[2]  operation id: the same one gets the same jobs again
  ARGV[3]  count, 1 or more
  ARGV[4]  lease in milliseconds

  Returns  { now (epoch ms), ms until more may be due or -1, then per job:
             id, token, record, attempts made, attempts started, stalled counter }
  Events   waiting (promoted jobs), active, failed (expired jobs); delayed, of a job
           that deduplication kept
]]
-- @include expect_types add_event read_run promote expire take_jobs rates
local worker, operation = ARGV[1], ARGV[2]
local count, lease = tonumber(ARGV[3]), tonumber(ARGV[4])
local claimKey = prefix .. 'claim:' .. worker
local MOVED_PER_CLAIM = 100

expectQueueTypes()
expectTypes({ [expiringKey] = 'zset', [finishedKey('failed')] = 'zset',
  [goneKey(0)] = 'hash', [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local function describe(id, run)
  -- A record of a wrong type reads as empty; the consumer fails such a job alone.
  local record = redis.pcall('GET', jobKey(id))
  if type(record) == 'table' then record = '' end
  return { id, run[1], record or '', run[2] or '0', run[3] or '0', run[4] or '0' }
end

-- What only some jobs have goes into the run, where leaving `active` finds it.
local function rememberSpecials(id, record, group)
  local operation = record:match('^[^\n]*;o=([^;\n]+)')
  local dedup = record:match('^[^\n]*;d=([^;\n]+)')
  if operation then redis.call('HSET', runKey(id), 'operation', operation) end
  if dedup then redis.call('HSET', runKey(id), 'dedup', dedup) end
  if group then redis.call('HSET', runKey(id), 'group', group) end
end

local function append(reply, description)
  for _, part in ipairs(description) do reply[#reply + 1] = part end
end

local reply = { now, -1 }

local lastClaim = redis.call('GET', claimKey)
if lastClaim and lastClaim:match('^[^ ]*') == operation then
  for id, token in lastClaim:gmatch(' ([^=]+)=(%d+)') do
    local run = readRun(id,
      'token', 'attemptsMade', 'attemptsStarted', 'stalledCounter', 'state')
    if run[1] == token and run[5] == 'active' then append(reply, describe(id, run)) end
  end
  return reply
end

promote(MOVED_PER_CLAIM)
expire(MOVED_PER_CLAIM)

local rateMs
count, reply[2], rateMs = withinLimits(count)
if count <= 0 then
  -- What frees a place wakes somebody; until then nobody need look.
  redis.call('DEL', wakeKey)
  return reply
end

local taken = takeJobs(count)
reply[2] = earlier(reply[2], millisecondsToNextLane())
local claimedCount = #taken / 3
if claimedCount > 0 then
  local token = redis.call('HINCRBY', metaKey, 'tokens', claimedCount) - claimedCount
  local claimed, ids, leases = { operation }, {}, {}
  local mayExpire = redis.call('EXISTS', expiringKey) == 1
  for i = 1, #taken, 3 do
    local id, order, group = taken[i], taken[i + 1], taken[i + 2]
    local run = readRun(id, 'token', 'attemptsMade', 'attemptsStarted', 'stalledCounter')
    token = token + 1
    if #run == 0 then redis.call('UNLINK', runKey(id)) end
    run[1], run[3] = string.format('%.0f', token), tostring((run[3] or 0) + 1)
    redis.call('HSET', runKey(id), 'state', 'active', 'token', run[1], 'worker', worker,
      'processedOn', now, 'attemptsStarted', run[3], 'order', order)
    local description = describe(id, run)
    rememberSpecials(id, description[3], group)
    local expires = mayExpire and redis.call('ZSCORE', expiringKey, id)
    if expires then redis.call('HSET', runKey(id), 'expires', expires) end
    append(reply, description)
    claimed[#claimed + 1] = id .. '=' .. run[1]
    ids[#ids + 1] = id
    leases[#leases + 1] = now + lease
    leases[#leases + 1] = id
  end
  redis.call('ZADD', activeKey, unpack(leases))
  addEvent('active', table.concat(ids, ' '), 'worker', worker)
  redis.call('SET', claimKey, table.concat(claimed, ' '), 'PX', 60000)
  redis.call('ZREM', waitingKey, unpack(ids))
  if mayExpire then redis.call('ZREM', expiringKey, unpack(ids)) end
  if rateMs then countStarts(rateKey, claimedCount, rateMs) end
end

if redis.call('EXISTS', waitingKey, lanesKey) > 0 then
  wakeOne()
else
  redis.call('DEL', wakeKey)
end
return reply
