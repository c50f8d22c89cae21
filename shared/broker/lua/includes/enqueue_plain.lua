-- The short way of what most callers send: one new job that is to run at once, without
-- anything special, sent for the first time. It costs half of the whole way.
-- @include keys now expect_types new_header new_order wake add_event
local PLAIN_WORDS = 12

local function isPlain()
  return #ARGV == PLAIN_WORDS and ARGV[1] == '0' and ARGV[6] == '0' and ARGV[7] == ''
    and ARGV[8] == '' and ARGV[9] == '' and ARGV[11] == ''
end

-- Returns the reply, or nil when the id is taken.
local function enqueuePlain()
  expectTypes({ [waitingKey] = 'zset', [metaKey] = 'hash', [eventsKey] = 'stream',
    [wakeKey] = 'list' })
  local id = ARGV[2]
  local header = newHeader({ operation = ARGV[3], task = ARGV[4], priority = ARGV[5],
    group = '', dedup = '' })
  if not redis.call('SET', jobKey(id), header .. ARGV[12], 'NX') then return nil end
  redis.call('ZADD', waitingKey, newOrder(tonumber(ARGV[5])), id)
  wakeOne()
  addEvent('waiting', id)
  return { 1, id, 'waiting', string.format('%.0f', now) }
end
