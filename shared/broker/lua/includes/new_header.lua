-- The first line of a job's record, which is all of it that a script ever reads:
--   v=1;w=<waiting since>;t=<accepted at>;p=<priority>;n=<task>;o=<operation>
-- and, where the job has one, ;g=<group> and ;d=<deduplication id>. Times are epoch
-- milliseconds of 13 digits; what follows the line feed is the caller's JSON.
-- @include now
local function newHeader(job)
  local line = string.format('v=1;w=%013.0f;t=%013.0f;p=%s;n=%s;o=%s',
    now, now, job.priority, job.task, job.operation)
  if job.group ~= '' then line = line .. ';g=' .. job.group end
  if job.dedup ~= '' then line = line .. ';d=' .. job.dedup end
  return line .. '\n'
end
