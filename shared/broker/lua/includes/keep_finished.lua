-- File finished jobs under their state and remove what has been kept long enough.
-- @include keys now remove_jobs remove_aged tell_callbacks
-- A batch removes at most this many times its own size: work stays bounded, and a queue
-- that holds too many still shrinks.
local REMOVALS_PER_JOB = 4

-- Remove the oldest beyond `count`, at most `limit`.
local function trimFinished(key, count, limit)
  local excess = math.min(redis.call('ZCARD', key) - count, limit)
  if excess <= 0 then return end
  local oldest = redis.call('ZRANGE', key, 0, excess - 1)
  removeJobs(oldest)
  redis.call('ZREM', key, unpack(oldest))
end

-- `jobs` is a list of { id, age in seconds, count }, '' being no limit.
local function keepFinished(state, jobs)
  if #jobs == 0 then return end
  local members, leaving, unkept, counts, ids = {}, {}, {}, {}, {}
  for i, job in ipairs(jobs) do ids[i] = job[1] end
  tellCallbacks(state, ids)
  for _, job in ipairs(jobs) do
    local id, age, count = job[1], job[2], job[3]
    if count == '0' then
      unkept[#unkept + 1] = id
    else
      members[#members + 1] = now
      members[#members + 1] = id
      if count ~= '' then counts[count] = true end
      if age ~= '' then
        leaving[#leaving + 1] = string.format('%.0f', now + tonumber(age) * 1000)
        leaving[#leaving + 1] = id
      end
    end
  end
  if #members > 0 then redis.call('ZADD', finishedKey(state), unpack(members)) end
  if #leaving > 0 then redis.call('ZADD', leavingKey, unpack(leaving)) end
  removeJobs(unkept)
  removeAged(REMOVALS_PER_JOB * #jobs)
  for count in pairs(counts) do
    trimFinished(finishedKey(state), tonumber(count), REMOVALS_PER_JOB * #jobs)
  end
end
