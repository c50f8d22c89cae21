-- Names of the queue's keys, all below the one declared prefix; the mirror of keys.py.
local prefix = KEYS[1]
local waitingKey = prefix .. 'waiting'
local groupedKey = prefix .. 'grouped'
local delayedKey = prefix .. 'delayed'
local activeKey = prefix .. 'active'
local cancellingKey = prefix .. 'cancelling'
local expiringKey = prefix .. 'expiring'
local leavingKey = prefix .. 'leaving'
local metaKey = prefix .. 'meta'
local eventsKey = prefix .. 'events'
local wakeKey = prefix .. 'wake'
local rateKey = prefix .. 'rate'
local lanesKey = prefix .. 'lanes'
local parkedKey = prefix .. 'parked'
local groupActiveKey = prefix .. 'groupActive'
local groupLimitsKey = prefix .. 'groupLimits'
local callbacksKey = prefix .. 'callbacks'
local outboxKey = prefix .. 'outbox'

local function finishedKey(state) return prefix .. state end
local function jobKey(id) return prefix .. 'job:' .. id end
local function runKey(id) return prefix .. 'run:' .. id end
local function attemptsKey(id) return prefix .. 'attempts:' .. id end
local function logsKey(id) return prefix .. 'logs:' .. id end
local function groupKey(group) return prefix .. 'group:' .. group end
local function groupRateKey(group) return prefix .. 'grouprate:' .. group end
local function dedupKey(dedup) return prefix .. 'dedup:' .. dedup end
local function nextKey(dedup) return prefix .. 'next:' .. dedup end
