-- The state of a job: its run says so from its first claim on; before that it is either
-- delayed or waiting.
-- @include keys read_run
local function stateOf(id)
  local state = readRun(id, 'state')[1]
  if state then return state end
  if redis.call('ZSCORE', delayedKey, id) then return 'delayed' end
  return 'waiting'
end
