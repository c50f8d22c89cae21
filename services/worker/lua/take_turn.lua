#!lua
--[[
  take_turn: gives the caller the next free turn of a line, by server time

  KEYS[1]  the line: a string, when its next turn would be without a burst, epoch ms

  ARGV[1]  time between two turns, ms
  ARGV[2]  turns that may follow each other at once
  ARGV[3]  longest wait for which a turn is kept, ms

  Returns  the wait until the turn, ms; above ARGV[3] no turn was kept
  Events   none
]]
local line = KEYS[1]
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local longest = tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free = math.max(tonumber(redis.call('GET', line) or '0'), now)
local wait = math.max(0, math.ceil(free - (burst - 1) * interval - now))
if wait <= longest then
  local following = free + interval
  redis.call('SET', line, string.format('%.3f', following),
    'PX', math.ceil(following - now) + 1000)
end
return wait
