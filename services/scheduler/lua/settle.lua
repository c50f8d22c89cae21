#!lua flags=allow-oom
--[[
  settle: write down what became of the slots of schedules, move their cursors behind
  them and say when each needs the next look. Fenced by the leader's lease; forward
  only, so each slot is settled once. A schedule that was changed meanwhile keeps what
  the change said about its next look; one that was removed stays away.

  KEYS[1]  prefix of the scheduler, `ns:{scheduler}:`
  ARGV[1]  what the caller's lease holds, `<token>:<holder>`
  ARGV[2]  how many lines a ledger keeps, roughly
  ARGV     from 3 on, per schedule: id, revision that the caller read, last decided
           slot (epoch ms), when it needs a look (epoch ms, empty when it rests),
           number of pairs, fields and values of the schedule; number of lines; per
           line: its slot, number of pairs, fields and values

  Returns  -1 when the lease is lost, else a list: per schedule 1 settled, 0 it was
           changed or removed meanwhile, or has the slots behind it
  Events   none
]]
local prefix, mark, kept = KEYS[1], ARGV[1], ARGV[2]
local position = 3

local function take()
  position = position + 1
  return ARGV[position - 1]
end

local function takePairs()
  local words = {}
  for i = 1, 2 * tonumber(take()) do words[i] = take() end
  return words
end

local function addLines(id, cursor, buffered)
  for _ = 1, tonumber(take()) do
    local slot, words = take(), takePairs()
    if cursor and (tonumber(slot) > cursor or slot == buffered) then
      redis.call('XADD', prefix .. 'ledger:' .. id, 'MAXLEN', '~', kept, '*',
        unpack(words))
    end
  end
end

if redis.call('GET', prefix .. 'leader') ~= mark then return -1 end

local answers = {}
while position <= #ARGV do
  local id, revision, slot, due = take(), take(), take(), take()
  local words = takePairs()
  local scheduleKey = prefix .. 'schedule:' .. id
  local stored = redis.call('HMGET', scheduleKey, 'revision', 'cursor', 'buffered')
  local cursor = tonumber(stored[2] or '')
  addLines(id, cursor, stored[3])
  local isSame = stored[1] == revision and cursor <= tonumber(slot)
  if isSame then
    redis.call('HSET', scheduleKey, 'cursor', slot, unpack(words))
    if due == '' then
      redis.call('ZREM', prefix .. 'due', id)
    else
      redis.call('ZADD', prefix .. 'due', due, id)
    end
  elseif cursor and cursor < tonumber(slot) then
    redis.call('HSET', scheduleKey, 'cursor', slot)
  elseif not cursor then
    redis.call('ZREM', prefix .. 'due', id)
  end
  answers[#answers + 1] = isSame and 1 or 0
end
return answers
