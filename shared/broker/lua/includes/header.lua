-- The first line of a job's record, which is all of it that a script ever reads:
--   v=1;w=<waiting since>;t=<accepted at>;p=<priority>;n=<task>;o=<operation>
-- and, where the job has one, ;g=<group> and ;d=<deduplication id>. Times are epoch
-- milliseconds of 13 digits; what follows the line feed is the caller's JSON.
-- @include keys now
local HEADER_BYTES = 512
local WAITING_SINCE_OFFSET = 6

local function newHeader(job)
  local line = string.format('v=1;w=%013.0f;t=%013.0f;p=%s;n=%s;o=%s',
    now, now, job.priority, job.task, job.operation)
  if job.group ~= '' then line = line .. ';g=' .. job.group end
  if job.dedup ~= '' then line = line .. ';d=' .. job.dedup end
  return line .. '\n'
end

-- Nil for a record that is missing, damaged or of a wrong type.
local function readHeader(id)
  local text = redis.pcall('GETRANGE', jobKey(id), 0, HEADER_BYTES - 1)
  if type(text) ~= 'string' then return nil end
  local acceptedAt, priority, task, operation, rest =
    text:match('^v=1;w=%d+;t=(%d+);p=(%d+);n=([^;\n]*);o=([^;\n]*)([^\n]*)\n')
  if not acceptedAt then return nil end
  return { acceptedAt = acceptedAt, priority = tonumber(priority), task = task,
    operation = operation, group = rest:match(';g=([^;]*)') or '',
    dedup = rest:match(';d=([^;]*)') or '' }
end

local function stampWaitingSince(id)
  redis.call('SETRANGE', jobKey(id), WAITING_SINCE_OFFSET, string.format('%013.0f', now))
end
