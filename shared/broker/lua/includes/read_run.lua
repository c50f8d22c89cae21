-- Fields of a job's run. A run of a wrong type reads as empty: whoever damaged one job's
-- key must not hold up the jobs beside it.
-- @include keys
local function readRun(id, ...)
  local fields = redis.pcall('HMGET', runKey(id), ...)
  return fields.err and {} or fields
end
