#!lua flags=allow-oom
--[[
  rerun: completed | failed | cancelled -> waiting, with all attempts before it. What it
  went through stays in its history.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  operation id: the same one does it once
  ARGV     from 2 on: ids

  Returns  per job 1 done (or before), -1 it has not ended, -2 there is none
  Events   waiting
]]
-- @include expect_types header read_run state_of put_waiting add_event
local DONE, WRONG_STATE, MISSING = 1, -1, -2
local ENDED = { completed = true, failed = true, cancelled = true }

expectQueueTypes()

local operation = ARGV[1]

local function rerun(id)
  local header = readHeader(id)
  if not header then return MISSING end
  if readRun(id, 'rerunBy')[1] == operation then return DONE end
  local state = stateOf(id)
  if not ENDED[state] then return WRONG_STATE end
  redis.call('HDEL', runKey(id), 'attemptsMade', 'attemptsStarted', 'stalledCounter',
    'finishedOn', 'returnvalue', 'failedReason', 'failureKind', 'stacktrace', 'progress',
    'suspect', 'cancel', 'expires')
  redis.call('HSET', runKey(id), 'state', 'waiting', 'rerunBy', operation)
  putWaiting(id, header.priority, header.group)
  stampWaitingSince(id)
  redis.call('ZREM', finishedKey(state), id)
  redis.call('ZREM', leavingKey, id)
  addEvent('waiting', id, 'prev', state)
  return DONE
end

local answers = {}
for i = 2, #ARGV do answers[i - 1] = rerun(ARGV[i]) end
return answers
