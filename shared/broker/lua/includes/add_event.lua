-- Append to the queue's event stream, which keeps about the last 10,000 entries. An
-- entry may name several jobs, ids separated by spaces: a batch is one entry.
-- @include keys
local EVENTS_KEPT = 10000

local function addEvent(event, ids, ...)
  redis.call('XADD', eventsKey, 'MAXLEN', '~', EVENTS_KEPT, '*',
    'event', event, 'jobId', ids, ...)
end
