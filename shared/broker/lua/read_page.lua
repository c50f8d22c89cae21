#!lua flags=no-writes
--[[
  read_page: ids of one state in their order, from a place on.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  name of the sorted set: a state, or `grouped`
  ARGV[2]  how many
  ARGV[3]  1 for the last first, else 0
  ARGV[4]  score of the last id seen, or ''
  ARGV[5]  the last id seen

  Returns  flat list of id, score
  Events   none
]]
-- @include keys
local key, count, isReversed = prefix .. ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local score, seen = ARGV[4], ARGV[5]

-- The rank at which `seen` is or was: a job may have moved on since it was shown.
local function rankOf()
  local rank = redis.call('ZRANK', key, seen)
  if rank and tonumber(redis.call('ZSCORE', key, seen)) == tonumber(score) then
    return rank, true
  end
  local low, high = 0, redis.call('ZCARD', key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local there = redis.call('ZRANGE', key, middle, middle, 'WITHSCORES')
    local at, limit = tonumber(there[2]), tonumber(score)
    if at < limit or at == limit and there[1] < seen then
      low = middle + 1
    else
      high = middle
    end
  end
  return low, false
end

local from = 0
if score ~= '' then
  local rank, isThere = rankOf()
  if isReversed then
    from = redis.call('ZCARD', key) - rank
  else
    from = rank + (isThere and 1 or 0)
  end
end
local to = from + count - 1
if isReversed then return redis.call('ZREVRANGE', key, from, to, 'WITHSCORES') end
return redis.call('ZRANGE', key, from, to, 'WITHSCORES')
