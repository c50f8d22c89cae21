-- The state of a job: its run says so from its first claim on; before that it is either
-- delayed or waiting.
-- @include keys
local function stateOf(id)
  local state = redis.call('HGET', runKey(id), 'state')
  if state then return state end
  if redis.call('ZSCORE', delayedKey, id) then return 'delayed' end
  return 'waiting'
end
