#!lua
--[[
  note: write a line into the ledger of a schedule that exists; it moves nothing.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV[1]  id of the schedule
  ARGV[2]  how many lines the ledger keeps, roughly
  ARGV     from 3 on: fields and values of the line

  Returns  1 written, 0 there is no such schedule
  Events   none
]]
local prefix, id, kept = KEYS[1], ARGV[1], ARGV[2]

if redis.call('EXISTS', prefix .. 'schedule:' .. id) == 0 then return 0 end
redis.call('XADD', prefix .. 'ledger:' .. id, 'MAXLEN', '~', kept, '*', unpack(ARGV, 3))
return 1
