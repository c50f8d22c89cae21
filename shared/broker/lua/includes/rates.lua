-- A rate allows `max` starts in `ms`; a counter that expires tells how many there were.
-- Returns how many starts are left, and ms until there are more.
local function startsLeft(key, max, ms)
  local started = tonumber(redis.call('GET', key) or 0)
  if started == 0 then return max, 0 end
  local endsIn = math.max(1, redis.call('PTTL', key))
  if endsIn > ms then
    -- It was begun under an older, longer rate.
    redis.call('PEXPIRE', key, ms)
    endsIn = ms
  end
  return max - started, endsIn
end

local function countStarts(key, starts, ms)
  if redis.call('INCRBY', key, starts) == starts then redis.call('PEXPIRE', key, ms) end
end
