#!lua flags=no-writes
--[[
  read_job: everything that is stored about one job, at one instant.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  id of the job

  Returns  nil when there is none, else { record, state, due (epoch ms) or nil,
           the run as field, value, ..., attempts as JSON, oldest first }
  Events   none
]]
-- @include state_of
local id = ARGV[1]

local record = redis.call('GET', jobKey(id))
if not record then return nil end
return {
  record,
  stateOf(id),
  redis.call('ZSCORE', delayedKey, id) or '',
  redis.call('HGETALL', runKey(id)),
  redis.call('LRANGE', attemptsKey(id), 0, -1),
}
