#!lua flags=allow-oom
--[[
  promote_due: delayed -> waiting, for jobs whose time has come.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  most jobs to move

  Returns  { moved, ms to the next due job or -1 }
  Events   waiting
]]
-- @include expect_types promote
expectQueueTypes()

return { promote(tonumber(ARGV[1])), millisecondsToNextDue() }
