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

-- A part of a wrong type is left out; what is damaged is shown as far as it goes.
local function partOf(command, key, ...)
  local part = redis.pcall(command, key, ...)
  return type(part) == 'table' and part.err and {} or part
end

local record = partOf('GET', jobKey(id))
if not record then return nil end
return {
  type(record) == 'string' and record or '',
  stateOf(id),
  redis.call('ZSCORE', delayedKey, id) or '',
  partOf('HGETALL', runKey(id)),
  partOf('LRANGE', attemptsKey(id), 0, -1),
}
