#!lua flags=allow-oom
--[[
  promote_now: delayed -> waiting, ahead of the jobs' time.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  0 when this was surely not sent before
  ARGV     from 2 on: ids

  Returns  per job 1 done (or before), -1 it is not delayed, -2 there is none
  Events   waiting
]]
-- @include expect_types promote state_of
local DONE, WRONG_STATE, MISSING = 1, -1, -2

expectQueueTypes()

local isResent = ARGV[1] ~= '0'

local function promoteNow(id)
  if redis.call('ZSCORE', delayedKey, id) then
    promoteOne(id)
    return DONE
  end
  if redis.call('EXISTS', jobKey(id)) == 0 then return MISSING end
  return isResent and stateOf(id) == 'waiting' and DONE or WRONG_STATE
end

local answers = {}
for i = 2, #ARGV do answers[i - 1] = promoteNow(ARGV[i]) end
return answers
