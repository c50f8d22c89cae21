-- Delete jobs, leaving their marks.
-- @include keys gone read_run header
-- A run has the operation from its first claim on; before that only the header has it.
local function operationOf(id, run)
  if run[1] or run[2] then return run[1] or '' end
  local header = readHeader(id)
  return header and header.operation or ''
end

local function removeJobs(ids)
  if #ids == 0 then return end
  local keys, marks = {}, {}
  for i, id in ipairs(ids) do
    local run = readRun(id, 'operation', 'settled')
    marks[2 * i - 1], marks[2 * i] = id, operationOf(id, run) .. ';' .. (run[2] or '')
    local at = (i - 1) * 4
    keys[at + 1], keys[at + 2] = jobKey(id), runKey(id)
    keys[at + 3], keys[at + 4] = attemptsKey(id), logsKey(id)
  end
  markGone(marks)
  redis.call('UNLINK', unpack(keys))
  redis.call('HDEL', callbacksKey, unpack(ids))
  redis.call('ZREM', leavingKey, unpack(ids))
end
