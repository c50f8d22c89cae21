-- The first line of a job's record, which is all of it that a script ever reads:
--   v=1;w=<waiting since>;t=<accepted at>;p=<priority>;n=<task>;o=<operation>\n
-- Times are epoch milliseconds of 13 digits; what follows the line feed is JSON.
-- @include keys now
local HEADER_BYTES = 400
local WAITING_SINCE_OFFSET = 6

local function newHeader(priority, task, operation)
  return string.format('v=1;w=%013.0f;t=%013.0f;p=%s;n=%s;o=%s\n',
    now, now, priority, task, operation)
end

-- Nil for a record that is missing, damaged or of a wrong type.
local function readHeader(id)
  local line = redis.pcall('GETRANGE', jobKey(id), 0, HEADER_BYTES - 1)
  if type(line) ~= 'string' then return nil end
  local acceptedAt, priority, task, operation =
    line:match('^v=1;w=%d+;t=(%d+);p=(%d+);n=([^;\n]*);o=([^;\n]*)\n')
  if not acceptedAt then return nil end
  return { acceptedAt = acceptedAt, priority = tonumber(priority),
    task = task, operation = operation }
end

local function stampWaitingSince(id)
  redis.call('SETRANGE', jobKey(id), WAITING_SINCE_OFFSET, string.format('%013.0f', now))
end
