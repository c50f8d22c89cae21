-- Take a job out of waiting or delayed; the caller has put it elsewhere, or removes it.
-- @include keys header put_waiting
local function withdraw(id, state)
  if state == 'delayed' then
    redis.call('ZREM', delayedKey, id)
  else
    local header = readHeader(id)
    takeWaiting(id, header and header.group)
  end
  redis.call('ZREM', expiringKey, id)
end
