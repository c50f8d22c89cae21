-- Append to the job's history. `opening` is the attempt as JSON without its end, which
-- only the server knows; the last 50 are kept.
-- @include keys now
local ATTEMPTS_KEPT = 50

local function addAttempt(id, opening)
  local attempt = opening .. string.format(',"finished":%.0f}', now)
  -- A history of a wrong type is lost already; the job goes on without it.
  local pushed = redis.pcall('RPUSH', attemptsKey(id), attempt)
  if type(pushed) == 'number' and pushed > ATTEMPTS_KEPT then
    redis.call('LTRIM', attemptsKey(id), -ATTEMPTS_KEPT, -1)
  end
end
