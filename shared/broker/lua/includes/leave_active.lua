-- What goes with leaving `active`: the group's slot, the wish to cancel, and the wake-up
-- of a queue that was at its concurrency. The caller has put the job in its new place.
-- @include keys wake lanes
local function leaveActive(ids, leases)
  redis.call('ZREM', activeKey, unpack(ids))
  for i, id in ipairs(ids) do
    local lease = leases[i]
    if lease.group then leaveGroup(lease.group) end
    if lease.cancel then redis.call('SREM', cancellingKey, id) end
  end
  if redis.call('HEXISTS', metaKey, 'concurrency') == 1 then wakeOne() end
end
