-- File finished jobs under their state and remove what has been kept long enough.
-- @include keys now remove_jobs tell_callbacks
-- A batch removes at most this many times its own size: work stays bounded, and a queue
-- that holds too many still shrinks.
local REMOVALS_PER_JOB = 4

-- Remove the oldest beyond `count` and those that ended more than `age` seconds ago
-- ('' = no limit), at most `limit`.
local function trimFinished(key, age, count, limit)
  local excess = count == '' and 0 or redis.call('ZCARD', key) - tonumber(count)
  if excess <= 0 and age == '' then return end
  local oldest = redis.call('ZRANGE', key, 0, limit - 1, 'WITHSCORES')
  local tooOld = age ~= '' and now - tonumber(age) * 1000 or -1
  local removed = {}
  for i = 1, #oldest, 2 do
    if #removed >= excess and tonumber(oldest[i + 1]) >= tooOld then break end
    removed[#removed + 1] = oldest[i]
  end
  if #removed == 0 then return end
  removeJobs(removed)
  redis.call('ZREM', key, unpack(removed))
end

-- `jobs` is a list of { id, age, count }.
local function keepFinished(state, jobs)
  if #jobs == 0 then return end
  local key = finishedKey(state)
  local members, unkept, policies, ids = {}, {}, {}, {}
  for i, job in ipairs(jobs) do ids[i] = job[1] end
  tellCallbacks(state, ids)
  for _, job in ipairs(jobs) do
    local id, age, count = job[1], job[2], job[3]
    if count == '0' then
      unkept[#unkept + 1] = id
    else
      members[#members + 1] = now
      members[#members + 1] = id
      policies[age .. ':' .. count] = job
    end
  end
  if #members > 0 then redis.call('ZADD', key, unpack(members)) end
  removeJobs(unkept)
  for _, job in pairs(policies) do
    trimFinished(key, job[2], job[3], REMOVALS_PER_JOB * #jobs)
  end
end
