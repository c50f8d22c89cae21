#!lua
--[[
  write: create or change a schedule, if it is still the one that the caller read.
  The cursor goes forward only, so no slot is decided twice.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV[1]  id of the schedule
  ARGV[2]  the revision that the caller read, 0 for no such schedule
  ARGV[3]  last decided slot, epoch ms
  ARGV[4]  when it needs a look, epoch ms, or empty when it rests
  ARGV[5]  1 to refuse a default that a person removed, else 0
  ARGV     from 6 on: fields and values of the schedule

  Returns  its new revision, 0 when it was changed meanwhile, -1 when refused
  Events   none
]]
local prefix = KEYS[1]
local id, expected, cursor, due = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local scheduleKey, declinedKey = prefix .. 'schedule:' .. id, prefix .. 'declined'

local revision = redis.call('HGET', scheduleKey, 'revision') or '0'
if revision ~= expected then return 0 end
if ARGV[5] == '1' and redis.call('SISMEMBER', declinedKey, id) == 1 then return -1 end

local decided = redis.call('HGET', scheduleKey, 'cursor')
if decided and tonumber(decided) > tonumber(cursor) then cursor = decided end
local new = redis.call('INCR', prefix .. 'revisions')
redis.call('HSET', scheduleKey, 'cursor', cursor, 'revision',
  string.format('%.0f', new), unpack(ARGV, 6))
redis.call('ZADD', prefix .. 'ids', 0, id)
if due == '' then
  redis.call('ZREM', prefix .. 'due', id)
else
  redis.call('ZADD', prefix .. 'due', due, id)
end
if redis.call('SREM', declinedKey, id) == 1 then
  -- It has the id of a default: when it is removed, that must stay away again.
  redis.call('HSET', scheduleKey, 'declared', 'declined')
end
return new
