#!lua flags=allow-oom
--[[
  claim: waiting -> active, for up to `count` jobs at once. Jobs that fall due are
  promoted first, so that nobody else has to.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  worker name
  ARGV[2]  operation id: the same one gets the same jobs again
  ARGV[3]  count, 1 or more
  ARGV[4]  lease in milliseconds

  Returns  { now (epoch ms), ms to the next due job or -1, then per job:
             id, token, record, attempts made, attempts started, stalled counter }
  Events   waiting (promoted jobs), active
]]
-- @include expect_types add_event read_run promote
local worker, operation = ARGV[1], ARGV[2]
local count, lease = tonumber(ARGV[3]), tonumber(ARGV[4])
local claimKey = prefix .. 'claim:' .. worker
local PROMOTED_PER_CLAIM = 100

expectQueueTypes()

local function describe(id, run)
  -- A record of a wrong type reads as empty; the consumer fails such a job alone.
  local record = redis.pcall('GET', jobKey(id))
  if type(record) == 'table' then record = '' end
  return { id, run[1], record or '', run[2] or '0', run[3] or '0', run[4] or '0' }
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

promote(PROMOTED_PER_CLAIM)
if redis.call('HEXISTS', metaKey, 'paused') == 1 then return reply end

local jobs = redis.call('ZRANGE', waitingKey, 0, count - 1, 'WITHSCORES')
local runs = {}
for i = 1, #jobs, 2 do
  runs[i] = readRun(jobs[i], 'token', 'attemptsMade', 'attemptsStarted', 'stalledCounter')
end

if #jobs > 0 then
  local token = redis.call('HINCRBY', metaKey, 'tokens', #jobs / 2) - #jobs / 2
  local claimed, ids, leases = { operation }, {}, {}
  for i = 1, #jobs, 2 do
    local id, order, run = jobs[i], jobs[i + 1], runs[i]
    token = token + 1
    if #run == 0 then redis.call('UNLINK', runKey(id)) end
    run[1], run[3] = string.format('%.0f', token), tostring((run[3] or 0) + 1)
    redis.call('HSET', runKey(id), 'state', 'active', 'token', run[1], 'worker', worker,
      'processedOn', now, 'attemptsStarted', run[3], 'order', order)
    local description = describe(id, run)
    -- An operation id tells a job of the caller's own id from its successor.
    local ownOperation = description[3]:match('^[^\n]*;o=([^\n]+)\n')
    if ownOperation then redis.call('HSET', runKey(id), 'operation', ownOperation) end
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
end

if redis.call('ZCARD', waitingKey) > 0 then
  wakeOne()
else
  redis.call('DEL', wakeKey)
end
reply[2] = millisecondsToNextDue()
return reply
