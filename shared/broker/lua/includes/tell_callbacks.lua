-- Note in the outbox that jobs have ended whose callers want to be told. A worker makes a
-- webhook of each entry. The script that ends the job writes it, so none gets lost, and a
-- repeated message writes none.
-- @include keys header read_run
-- A longer return value is left out: a webhook is to stay small.
local LONGEST_SHOWN = 16384

-- A wish is `<state> <state> ...`, a line feed, and the address.
local function tellCallback(state, id, wish)
  local states, url = wish:match('^([^\n]*)\n(.*)$')
  if not states or not states:find(state, 1, true) then return end
  local header = readHeader(id) or { task = '' }
  local run = readRun(id, 'attemptsMade', 'returnvalue', 'failedReason')
  local entry = { 'jobId', id, 'task', header.task, 'state', state, 'url', url,
    'finishedOn', string.format('%.0f', now), 'attemptsMade', run[1] or '0' }
  if state == 'completed' and run[2] and #run[2] <= LONGEST_SHOWN then
    entry[#entry + 1], entry[#entry + 2] = 'returnvalue', run[2]
  elseif state == 'failed' and run[3] then
    entry[#entry + 1], entry[#entry + 2] = 'failedReason', run[3]
  end
  redis.call('XADD', outboxKey, '*', unpack(entry))
end

local function tellCallbacks(state, ids)
  if #ids == 0 or redis.call('EXISTS', callbacksKey) == 0 then return end
  local wishes = redis.call('HMGET', callbacksKey, unpack(ids))
  for i, id in ipairs(ids) do
    if wishes[i] then tellCallback(state, id, wishes[i]) end
  end
end
