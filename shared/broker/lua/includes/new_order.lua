-- The place at the end of a priority. Priority and arrival share one score, which stays
-- below 2^53: up to 1000 priorities, 2^40 arrivals each.
-- @include keys
local ARRIVALS_PER_PRIORITY = 1099511627776

local function newOrder(priority)
  local arrival = redis.call('HINCRBY', metaKey, 'arrivals', 1)
  return string.format('%.0f', priority * ARRIVALS_PER_PRIORITY + arrival)
end
