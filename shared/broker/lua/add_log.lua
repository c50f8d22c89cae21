#!lua flags=allow-oom
--[[
  add_log: append lines to a running job's log, which keeps the last 1,000.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  id of the job
  ARGV[2]  token
  ARGV[3]  operation id: the same one appends once
  ARGV     from 4 on: lines

  Returns  1 done, 0 done before (a repeated message), -1 the lease is lost
  Events   none
]]
-- @include expect_types check_lease
local id, token, operation = ARGV[1], ARGV[2], ARGV[3]
local LINES_KEPT = 1000

expectTypes({ [logsKey(id)] = 'list' })

if checkLease(id, token) ~= HELD then return LOST end
if redis.call('HGET', runKey(id), 'loggedBy') == operation then return REPEATED end
redis.call('RPUSH', logsKey(id), unpack(ARGV, 4))
redis.call('LTRIM', logsKey(id), -LINES_KEPT, -1)
redis.call('HSET', runKey(id), 'loggedBy', operation)
return HELD
