-- Append to the job's history. `opening` is the attempt as JSON without its end, which
-- only the server knows; the last 50 are kept.
-- @include keys now
local ATTEMPTS_KEPT = 50

local function addAttempt(id, opening)
  redis.call('RPUSH', attemptsKey(id), opening .. string.format(',"finished":%.0f}', now))
  redis.call('LTRIM', attemptsKey(id), -ATTEMPTS_KEPT, -1)
end
