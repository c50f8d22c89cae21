#!lua flags=allow-oom
--[[
  settle: write down what became of a schedule's slots and move its cursor behind
  them. Fenced by the leader's lease; forward only, so each slot is settled once.

  KEYS[1]  the lease, string `ns:{scheduler}:leader`
  KEYS[2]  the cursors, hash `ns:{scheduler}:cursors`: schedule -> last settled slot
  KEYS[3]  the ledger, stream `ns:{scheduler}:ledger:<schedule>`
  ARGV[1]  what the caller's lease holds, `<token>:<holder>`
  ARGV[2]  id of the schedule
  ARGV[3]  last of the slots, epoch ms
  ARGV[4]  how many entries the ledger keeps, roughly
  ARGV     from 5 on: fields and values of the ledger's entry

  Returns  1 settled, 0 it had been settled before, -1 the lease is lost
  Events   none
]]
local leaseKey, cursorsKey, ledgerKey = KEYS[1], KEYS[2], KEYS[3]
local mark, schedule, slot, kept = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('GET', leaseKey) ~= mark then return -1 end
local ledgerType = redis.call('TYPE', ledgerKey).ok
if ledgerType ~= 'stream' and ledgerType ~= 'none' then
  error('WRONGTYPE ' .. ledgerKey .. ' is a ' .. ledgerType .. ', not a stream')
end

local cursor = redis.call('HGET', cursorsKey, schedule)
if cursor and tonumber(cursor) >= tonumber(slot) then return 0 end
redis.call('HSET', cursorsKey, schedule, slot)
redis.call('XADD', ledgerKey, 'MAXLEN', '~', kept, '*', unpack(ARGV, 5))
return 1
