-- Does the caller's token hold this job? The answer tells a repeated message (the reply
-- to an earlier send of the same verb was lost) from one that comes too late.
-- @include gone read_run
local HELD, REPEATED, LOST = 1, 0, -1

local function isSame(settled, token, verb)
  local settledVerb, settledToken = (settled or ''):match('^(%a+):(%d+)$')
  return settledToken == token and (verb == nil or settledVerb == verb)
end

-- Returns the answer and, for a lease that is held, what must be known to leave it:
-- attempts made so far, group, deduplication id, and `<age>:<count>` when its
-- cancellation was asked for.
local function checkLease(id, token, verb)
  local run = readRun(id,
    'state', 'token', 'attemptsMade', 'settled', 'group', 'dedup', 'cancel')
  if run[1] == 'active' and run[2] == token then
    return HELD, { attemptsMade = tonumber(run[3] or 0), group = run[5], dedup = run[6],
      cancel = run[7] }
  end
  if isSame(run[4], token, verb) then return REPEATED end
  if not run[1] then
    local gone = readGone(id)
    if gone and isSame(gone:match(';(.*)$'), token, verb) then return REPEATED end
  end
  return LOST
end
