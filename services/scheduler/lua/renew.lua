#!lua flags=allow-oom
--[[
  renew: prolong the leader's lease, if it is still the caller's.

  KEYS[1]  the lease, string `ns:{scheduler}:leader`
  ARGV[1]  what the caller's lease holds, `<token>:<holder>`
  ARGV[2]  lease in milliseconds

  Returns  { 1 renewed or 0 lost, now (epoch ms) }
  Events   none
]]
local leaseKey = KEYS[1]
local mark, lease = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

if redis.call('GET', leaseKey) ~= mark then return { '0', now } end
redis.call('PEXPIRE', leaseKey, lease)
return { '1', now }
