#!lua flags=allow-oom
--[[
  cancel: waiting | delayed -> cancelled at once; an active job is marked, its worker
  stops it.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  age in seconds to keep cancelled jobs, or ''
  ARGV[2]  how many to keep, or ''
  ARGV     from 3 on: ids

  Returns  per job 1 done (or before), 2 pending: its worker is told, -1 it has ended
           otherwise, -2 there is none
  Events   cancelled | cancelling; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types header state_of withdraw keep_finished add_event release_dedup
local age, count = ARGV[1], ARGV[2]
local DONE, PENDING, WRONG_STATE, MISSING = 1, 2, -1, -2

expectQueueTypes()
expectTypes({ [finishedKey('cancelled')] = 'zset', [goneKey(0)] = 'hash',
  [cancellingKey] = 'set', [expiringKey] = 'zset',
  [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local function cancel(id)
  if redis.call('EXISTS', jobKey(id)) == 0 then return MISSING end
  local state = stateOf(id)
  if state == 'cancelled' then return DONE end
  if state == 'active' then
    redis.call('HSET', runKey(id), 'cancel', age .. ':' .. count)
    if redis.call('SADD', cancellingKey, id) == 1 then addEvent('cancelling', id) end
    return PENDING
  end
  if state ~= 'waiting' and state ~= 'delayed' then return WRONG_STATE end
  local header = readHeader(id)
  redis.call('HSET', runKey(id), 'state', 'cancelled', 'finishedOn', now)
  addEvent('cancelled', id, 'prev', state)
  if header and header.dedup ~= '' then releaseDedup(id, header.dedup) end
  withdraw(id, state)
  keepFinished('cancelled', { { id, age, count } })
  return DONE
end

local answers = {}
for i = 3, #ARGV do answers[#answers + 1] = cancel(ARGV[i]) end
return answers
