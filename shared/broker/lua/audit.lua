#!lua flags=allow-oom
--[[
  audit: compare what is stored about jobs with itself and, if asked, mend it. Nothing
  that could still be done is thrown away: a record without a place gets one.

  KEYS[1]  prefix of the queue, `ns:{queue}:`
  ARGV[1]  1 to mend, 0 to look only
  ARGV     from 2 on: ids

  Returns  flat list of id, problem: `lost` (a record in no state), `doubled` (in more
           than one), `ghost` (in a state, without a record), `orphan` (keys without a
           record), `torn` (its run says another state than its place)
  Events   waiting, of a lost job that was put back
]]
-- @include expect_types header read_run put_waiting add_event
local mend = ARGV[1] == '1'
local PLACES = { 'waiting', 'grouped', 'delayed', 'active', 'completed', 'failed',
  'cancelled' }

expectQueueTypes()

local function placesOf(id)
  local found = {}
  for _, place in ipairs(PLACES) do
    if redis.call('ZSCORE', prefix .. place, id) then found[#found + 1] = place end
  end
  return found
end

local function stateAt(place) return place == 'grouped' and 'waiting' or place end

local function leave(id, place, group)
  if stateAt(place) == 'waiting' then
    takeWaiting(id, place == 'grouped' and group or '')
    redis.call('ZREM', prefix .. place, id)
  else
    redis.call('ZREM', prefix .. place, id)
  end
end

local function putBack(id, header)
  local state, finishedOn = unpack(readRun(id, 'state', 'finishedOn'))
  if state == 'completed' or state == 'failed' or state == 'cancelled' then
    redis.call('ZADD', prefix .. state, finishedOn or now, id)
    return
  end
  if state == 'active' then
    -- Whoever looks for lost workers takes it from here.
    redis.call('ZADD', activeKey, now, id)
    return
  end
  if state then redis.call('HSET', runKey(id), 'state', 'waiting') end
  putWaiting(id, header and header.priority or 1, header and header.group)
  addEvent('waiting', id)
end

local function audit(id)
  local places = placesOf(id)
  if redis.call('EXISTS', jobKey(id)) == 0 then
    if #places == 0 then
      if redis.call('EXISTS', runKey(id), attemptsKey(id), logsKey(id)) == 0 then return end
      if mend then redis.call('UNLINK', runKey(id), attemptsKey(id), logsKey(id)) end
      return 'orphan'
    end
    if mend then
      for _, place in ipairs(places) do redis.call('ZREM', prefix .. place, id) end
      redis.call('UNLINK', runKey(id), attemptsKey(id), logsKey(id))
    end
    return 'ghost'
  end
  local header = readHeader(id)
  if #places == 0 then
    if mend then putBack(id, header) end
    return 'lost'
  end
  local state = readRun(id, 'state')[1]
  if #places > 1 then
    if mend then
      local kept
      for _, place in ipairs(places) do
        if not kept and (not state or stateAt(place) == state) then
          kept = place
        else
          leave(id, place, header and header.group)
        end
      end
      if not kept then putBack(id, header) end
    end
    return 'doubled'
  end
  if state and state ~= stateAt(places[1]) then
    if mend then redis.call('HSET', runKey(id), 'state', stateAt(places[1])) end
    return 'torn'
  end
end

local findings = {}
for i = 2, #ARGV do
  local problem = audit(ARGV[i])
  if problem then
    findings[#findings + 1] = ARGV[i]
    findings[#findings + 1] = problem
  end
end
return findings
