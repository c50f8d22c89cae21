-- Take a job out of waiting or delayed; the caller has put it elsewhere, or removes it.
-- @include keys header put_waiting
local function withdraw(id, state)
  if state == 'delayed' then
    redis.call('ZREM', delayedKey, id)
  else
    local header = readHeader(id)
    if header then
      takeWaiting(id, header.group)
    else
      -- Its group is not known: the lane drops it when its turn comes.
      redis.call('ZREM', waitingKey, id)
      redis.call('ZREM', groupedKey, id)
    end
  end
  redis.call('ZREM', expiringKey, id)
end
