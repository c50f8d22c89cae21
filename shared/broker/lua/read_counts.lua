#!lua flags=no-writes
--[[
  read_counts: the number of jobs per state at one instant, and the longest wait.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV     none

  Returns  { waiting, delayed, active, completed, failed, cancelled,
             ms that the oldest waiting job has waited, paused (0 | 1),
             waiting jobs of groups, groups over their rate }
  Events   none
]]
-- @include keys now
-- Within a priority the first is the oldest; more priorities than this are rare.
local PRIORITIES_LOOKED_AT = 32
local ARRIVALS_PER_PRIORITY = 1099511627776

local function oldestWaitMs(key)
  local longest, from = 0, '-inf'
  for _ = 1, PRIORITIES_LOOKED_AT do
    local first = redis.call('ZRANGEBYSCORE', key, from, '+inf',
      'WITHSCORES', 'LIMIT', 0, 1)
    if not first[1] then break end
    local line = redis.pcall('GETRANGE', jobKey(first[1]), 0, 18)
    local since = type(line) == 'string' and tonumber(line:match('^v=1;w=(%d+)')) or now
    longest = math.max(longest, now - since)
    local priority = math.floor(tonumber(first[2]) / ARRIVALS_PER_PRIORITY)
    from = string.format('%.0f', (priority + 1) * ARRIVALS_PER_PRIORITY)
  end
  return longest
end

return {
  redis.call('ZCARD', waitingKey) + redis.call('ZCARD', groupedKey),
  redis.call('ZCARD', delayedKey),
  redis.call('ZCARD', activeKey),
  redis.call('ZCARD', finishedKey('completed')),
  redis.call('ZCARD', finishedKey('failed')),
  redis.call('ZCARD', finishedKey('cancelled')),
  math.max(oldestWaitMs(waitingKey), oldestWaitMs(groupedKey)),
  redis.call('HEXISTS', metaKey, 'paused'),
  redis.call('ZCARD', groupedKey),
  redis.call('ZCOUNT', parkedKey, now, '+inf'),
}
