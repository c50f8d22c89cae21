-- Delete finished jobs, leaving their marks.
-- @include keys gone read_run
local function removeJobs(ids)
  if #ids == 0 then return end
  local keys, marks = {}, {}
  for i, id in ipairs(ids) do
    local mark = readRun(id, 'operation', 'settled')
    marks[2 * i - 1], marks[2 * i] = id, (mark[1] or '') .. ';' .. (mark[2] or '')
    local at = (i - 1) * 4
    keys[at + 1], keys[at + 2] = jobKey(id), runKey(id)
    keys[at + 3], keys[at + 4] = attemptsKey(id), logsKey(id)
  end
  markGone(marks)
  redis.call('UNLINK', unpack(keys))
end
