#!lua flags=no-writes
--[[
  due: the schedules that need a look, those that have waited longest first.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV[1]  until when they are due, epoch ms
  ARGV[2]  how many at most
  ARGV[3]  how many of the first to leave out

  Returns  per schedule: its id, when it is due (epoch ms), and of its fields the
           revision, cursor, fired, recent, buffered, paused, trouble
  Events   none
]]
local prefix = KEYS[1]
local untilMs, limit, skipped = ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('ZRANGE', prefix .. 'due', '-inf', untilMs, 'BYSCORE',
  'LIMIT', skipped, limit, 'WITHSCORES')
local reply = {}
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = found[i + 1]
  reply[#reply + 1] = redis.call('HMGET', prefix .. 'schedule:' .. found[i],
    'revision', 'cursor', 'fired', 'recent', 'buffered', 'paused', 'trouble')
end
return reply
