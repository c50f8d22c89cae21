#!lua flags=allow-oom
--[[
  release: give the leader's lease back, so that another need not wait for its end.

  KEYS[1]  the lease, string `ns:{scheduler}:leader`
  ARGV[1]  what the caller's lease holds, `<token>:<holder>`

  Returns  1 released, 0 it was another's or nobody's
  Events   none
]]
local leaseKey = KEYS[1]
local mark = ARGV[1]

if redis.call('GET', leaseKey) ~= mark then return 0 end
return redis.call('DEL', leaseKey)
