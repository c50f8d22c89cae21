#!lua
--[[
  enqueue: (none) -> waiting | delayed. Refused by a full Redis, as it must be.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  id of the job
  ARGV[2]  operation id: the same one marks the same request sent again
  ARGV[3]  task name
  ARGV[4]  priority, 1 runs first
  ARGV[5]  delay in milliseconds, 0 for none
  ARGV[6]  the rest of the record, JSON
  ARGV[7]  1 when this may have been sent before, else 0

  Returns  { created, state, accepted at (epoch ms) }; created is 1, or 0 when another
           request had created a job of this id before
  Events   waiting | delayed
]]
-- @include expect_types header add_event put_waiting put_delayed state_of gone
local id, operation, task = ARGV[1], ARGV[2], ARGV[3]
local priority, delay, record = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

expectQueueTypes()

local existing = readHeader(id)
if existing then
  local created = existing.operation == operation and 1 or 0
  return { created, stateOf(id), existing.acceptedAt }
end
if ARGV[7] == '1' then
  local gone = readGone(id)
  if gone and gone:match('^([^;]*);') == operation then
    return { 1, 'removed', string.format('%.0f', now) }
  end
end

local stored = newHeader(ARGV[4], task, operation) .. record
if not redis.call('SET', jobKey(id), stored, 'NX') then
  -- A damaged record holds the id; it is found out when its turn comes.
  return { 0, stateOf(id), string.format('%.0f', now) }
end
if delay > 0 then
  putDelayed(id, now + delay)
  addEvent('delayed', id, 'delay', ARGV[5])
  return { 1, 'delayed', string.format('%.0f', now) }
end
putWaiting(id, priority)
addEvent('waiting', id)
return { 1, 'waiting', string.format('%.0f', now) }
