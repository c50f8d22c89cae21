-- Read the header of a record, and note in it when the job began to wait anew.
-- @include keys now
local HEADER_BYTES = 512
local WAITING_SINCE_OFFSET = 6

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
