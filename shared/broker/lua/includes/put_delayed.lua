-- Put a job aside until `due`; when it is the earliest, the idle must learn of it.
-- @include keys wake
local function putDelayed(id, due)
  redis.call('ZADD', delayedKey, string.format('%.0f', due), id)
  if redis.call('ZRANGE', delayedKey, 0, 0)[1] == id then wakeOne() end
end
