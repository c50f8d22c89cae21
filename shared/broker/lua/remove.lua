#!lua flags=allow-oom
--[[
  remove: any state but active -> (none).

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  0 when this was surely not sent before
  ARGV     from 2 on: ids

  Returns  per job 1 done (or before), -1 it is active, -2 there is none
  Events   removed; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types header state_of withdraw remove_jobs add_event release_dedup gone
local DONE, WRONG_STATE, MISSING = 1, -1, -2

expectQueueTypes()
expectTypes({ [goneKey(0)] = 'hash', [expiringKey] = 'zset',
  [callbacksKey] = 'hash' })

local isResent = ARGV[1] ~= '0'

local function remove(id)
  if redis.call('EXISTS', jobKey(id)) == 0 then
    return isResent and readGone(id) and DONE or MISSING
  end
  local state = stateOf(id)
  if state == 'active' then return WRONG_STATE end
  local header = readHeader(id)
  local dedup = header and header.dedup or ''
  if state == 'waiting' or state == 'delayed' then
    withdraw(id, state)
  else
    redis.call('ZREM', finishedKey(state), id)
  end
  removeJobs({ id })
  addEvent('removed', id, 'prev', state)
  if dedup ~= '' and redis.call('GET', dedupKey(dedup)) == id then
    -- Who removes a job by hand frees its deduplication id, `ttl` or not.
    redis.call('DEL', dedupKey(dedup))
    releaseDedup(id, dedup)
  end
  return DONE
end

local answers = {}
for i = 2, #ARGV do answers[i - 1] = remove(ARGV[i]) end
return answers
