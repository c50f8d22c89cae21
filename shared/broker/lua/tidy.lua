#!lua flags=allow-oom
--[[
  tidy: what time alone brings about: jobs that did not start in time fail, finished jobs
  past their age go. In batches; call again while it moved anything.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  most jobs to move per kind

  Returns  { expired, removed }
  Events   failed; waiting | delayed, of a job that deduplication kept
]]
-- @include expect_types expire remove_aged
local limit = tonumber(ARGV[1])

expectQueueTypes()
expectTypes({ [expiringKey] = 'zset', [finishedKey('completed')] = 'zset',
  [finishedKey('failed')] = 'zset', [finishedKey('cancelled')] = 'zset',
  [goneKey(0)] = 'hash', [callbacksKey] = 'hash', [outboxKey] = 'stream' })

local removed = removeAged(limit)
return { expire(limit), removed }
