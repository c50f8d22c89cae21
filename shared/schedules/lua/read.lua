#!lua flags=no-writes
--[[
  read: what is kept about schedules, and what time it is.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV     ids of schedules

  Returns  { now (epoch ms), then per id: its fields and values (none when there is no
           such schedule), when it needs a look (epoch ms or empty) }
  Events   none
]]
local prefix = KEYS[1]
local clock = redis.call('TIME')
local reply = { string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)) }

for _, id in ipairs(ARGV) do
  reply[#reply + 1] = redis.call('HGETALL', prefix .. 'schedule:' .. id)
  reply[#reply + 1] = redis.call('ZSCORE', prefix .. 'due', id) or ''
end
return reply
