#!lua flags=allow-oom
--[[
  remove: forget a schedule and its ledger; its jobs stay.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV[1]  id of the schedule
  ARGV[2]  1 when it must not come back as a default, else 0

  Returns  1 removed, 0 there was none
  Events   none
]]
local prefix, id = KEYS[1], ARGV[1]

if redis.call('ZREM', prefix .. 'ids', id) == 0 then return 0 end
redis.call('ZREM', prefix .. 'due', id)
redis.call('DEL', prefix .. 'schedule:' .. id)
redis.call('UNLINK', prefix .. 'ledger:' .. id)
if ARGV[2] == '1' then redis.call('SADD', prefix .. 'declined', id) end
return 1
