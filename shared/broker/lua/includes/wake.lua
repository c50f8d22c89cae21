-- Wake one idle consumer. One token is enough: whoever takes it and leaves work behind
-- puts the next token down, so a burst wakes as many consumers as it needs.
-- @include keys
local function wakeOne()
  if redis.call('LLEN', wakeKey) == 0 then redis.call('RPUSH', wakeKey, '1') end
end
