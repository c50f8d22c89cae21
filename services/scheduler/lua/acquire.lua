#!lua flags=allow-oom
--[[
  acquire: take the leader's lease when nobody has it. The same scheduler asking again
  (the reply to its first call was lost) gets the lease that it has.

  KEYS[1]  the lease, string `ns:{scheduler}:leader`, holds `<token>:<holder>`
  KEYS[2]  the last token, counter `ns:{scheduler}:epoch`
  ARGV[1]  holder, unique among schedulers
  ARGV[2]  lease in milliseconds

  Returns  { token, remaining ms of another's lease, now (epoch ms) }; the token is 0
           when another has the lease, else the remaining time is 0
  Events   none
]]
local leaseKey, epochKey = KEYS[1], KEYS[2]
local holder, lease = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

local current = redis.call('GET', leaseKey)
if current then
  local token, owner = current:match('^(%d+):(.*)$')
  if owner ~= holder then
    local remaining = redis.call('PTTL', leaseKey)
    if remaining < 0 then
      -- It would hold for ever; no script of ours writes such a one, a hand might.
      redis.call('PEXPIRE', leaseKey, lease)
      remaining = lease
    end
    return { '0', tostring(remaining), now }
  end
  redis.call('PEXPIRE', leaseKey, lease)
  return { token, '0', now }
end

local token = string.format('%.0f', redis.call('INCR', epochKey))
redis.call('SET', leaseKey, token .. ':' .. holder, 'NX', 'PX', lease)
return { token, '0', now }
