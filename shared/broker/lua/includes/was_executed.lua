-- Was this very batch executed before, its reply being lost? A script runs whole or not at
-- all, so one trace tells that all of the batch were dealt with, those too that others
-- stood for. Meanwhile who stood for them may have gone, but they must not come now.
-- @include keys header gone
local function isGone(job)
  local gone = readGone(job.id)
  return gone and gone:match('^([^;]*);') == job.operation
end

-- A job leaves a record, a mark, or a place in `next`.
local function hasTrace(job)
  local header = readHeader(job.id)
  if header and header.operation == job.operation or isGone(job) then return true end
  return job.dedup ~= '' and redis.call('HGET', nextKey(job.dedup), 'id') == job.id
end

local function wasExecuted(jobs)
  for _, job in ipairs(jobs) do
    if hasTrace(job) then return true end
  end
  return false
end
