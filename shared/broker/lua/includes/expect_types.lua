-- Stop before the first write when a key holds another type than ours: Lua is atomic,
-- but a script that fails half-way leaves its first half applied.
-- @include keys
local function expectTypes(expected)
  for key, kind in pairs(expected) do
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
      error('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. kind)
    end
  end
end

local function expectQueueTypes()
  expectTypes({
    [waitingKey] = 'zset', [delayedKey] = 'zset', [activeKey] = 'zset',
    [metaKey] = 'hash', [eventsKey] = 'stream', [wakeKey] = 'list',
    [leavingKey] = 'zset', [groupedKey] = 'zset', [lanesKey] = 'zset',
    [parkedKey] = 'zset', [groupActiveKey] = 'hash', [groupLimitsKey] = 'hash',
  })
end
