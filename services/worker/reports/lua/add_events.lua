#!lua
--[[
  add_events: adds a job's events to the counts, once per job

  KEYS[1]  what every key of the counts begins with

  ARGV[1]  the job, as <queue>/<id>
  ARGV[2]  how long it is known that the job was counted, ms
  ARGV[3]  how long the counts are kept, ms
  ARGV[4]  then, for each series: key, name, count, sum, min, max

  Returns  1 when the events were added, 0 when the job had been counted before
  Events   none
]]
local prefix = KEYS[1]
local job = ARGV[1]
local known_for = tonumber(ARGV[2])
local kept_for = tonumber(ARGV[3])

if redis.call('EXISTS', prefix .. 'done:' .. job) == 1 then
  return 0
end

local function extreme(key, field, value, is_better)
  local present = redis.call('HGET', key, field)
  if not present or is_better(tonumber(value), tonumber(present)) then
    redis.call('HSET', key, field, value)
  end
end

local function is_less(one, other) return one < other end
local function is_more(one, other) return one > other end

for at = 4, #ARGV, 6 do
  local key = prefix .. ARGV[at]
  local name = ARGV[at + 1]
  redis.call('HINCRBY', key, name .. '|count', ARGV[at + 2])
  redis.call('HINCRBYFLOAT', key, name .. '|sum', ARGV[at + 3])
  extreme(key, name .. '|min', ARGV[at + 4], is_less)
  extreme(key, name .. '|max', ARGV[at + 5], is_more)
  redis.call('PEXPIRE', key, kept_for)
end
-- Last: a script that fails half-way has not noted the job.
redis.call('SET', prefix .. 'done:' .. job, 1, 'PX', known_for)
return 1
