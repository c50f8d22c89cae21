-- The limits of a group, or those of all that have none of their own: most jobs at the
-- same time, most starts, and in how many ms; nil for no limit.
-- @include keys
local function groupLimits(group)
  local line = redis.call('HGET', groupLimitsKey, group)
    or redis.call('HGET', groupLimitsKey, '*') or ''
  return tonumber(line:match('c=(%d+)')), tonumber(line:match('m=(%d+)')),
    tonumber(line:match('d=(%d+)'))
end
