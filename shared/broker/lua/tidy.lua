#!lua flags=allow-oom
--[[
  tidy: what time alone brings about: jobs that did not start in time fail, finished jobs
  past their age go. In batches; call again while it moved anything.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  most jobs to move per kind
  ARGV[2]  age in seconds to keep completed jobs, or ''
  ARGV[3]  age in seconds to keep failed and cancelled jobs, or ''

  Returns  { expired, removed }
  Events   failed; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types expire keep_finished
local limit = tonumber(ARGV[1])

expectQueueTypes()
expectTypes({ [expiringKey] = 'zset', [finishedKey('completed')] = 'zset',
  [finishedKey('failed')] = 'zset', [finishedKey('cancelled')] = 'zset',
  [goneKey(0)] = 'hash', [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local ages = { completed = ARGV[2], failed = ARGV[3], cancelled = ARGV[3] }
local removed = 0
for state, age in pairs(ages) do
  local before = redis.call('ZCARD', finishedKey(state))
  trimFinished(finishedKey(state), age, '', limit)
  removed = removed + before - redis.call('ZCARD', finishedKey(state))
end
return { expire(limit), removed }
