#!lua flags=allow-oom
--[[
  renew: prolong the leases of one worker. An expired lease that nobody has taken over
  is as good as new.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  lease in milliseconds
  ARGV     from 2 on per job: id, token

  Returns  ids whose lease is lost
  Events   none
]]
-- @include now expect_types check_lease
local lease = tonumber(ARGV[1])

expectQueueTypes()

local lost = {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local answer = checkLease(id, token)
  if answer == HELD then
    redis.call('ZADD', activeKey, 'XX', now + lease, id)
  elseif answer == LOST then
    lost[#lost + 1] = id
  end
end
return lost
