-- Names of the queue's keys, all below the one declared prefix; the mirror of keys.py.
local prefix = KEYS[1]
local waitingKey = prefix .. 'waiting'
local delayedKey = prefix .. 'delayed'
local activeKey = prefix .. 'active'
local metaKey = prefix .. 'meta'
local eventsKey = prefix .. 'events'
local wakeKey = prefix .. 'wake'

local function finishedKey(state) return prefix .. state end
local function jobKey(id) return prefix .. 'job:' .. id end
local function runKey(id) return prefix .. 'run:' .. id end
local function attemptsKey(id) return prefix .. 'attempts:' .. id end
local function logsKey(id) return prefix .. 'logs:' .. id end
