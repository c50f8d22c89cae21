#!lua flags=allow-oom
--[[
  progress: record what the task reports of itself; this prolongs its lease, too.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  id of the job
  ARGV[2]  token
  ARGV[3]  lease in milliseconds
  ARGV[4]  progress, JSON

  Returns  1 done, -1 the lease is lost
  Events   progress
]]
-- @include now expect_types add_event check_lease
local id, token, lease, progress = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

expectQueueTypes()

if checkLease(id, token) ~= HELD then return LOST end
redis.call('HSET', runKey(id), 'progress', progress)
redis.call('ZADD', activeKey, 'XX', now + lease, id)
addEvent('progress', id, 'data', progress)
return HELD
