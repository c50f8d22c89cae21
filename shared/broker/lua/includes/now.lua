-- The server's clock in epoch milliseconds; no client's clock decides anything.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
