-- Take from moving windows: all of them, or none.
--
-- KEYS  one list per bucket, the newest entry first, each a time in microseconds
-- ARGV  for each key: limit, window in microseconds, cost
-- Returns {1 or 0, and for each key: remaining, microseconds until its oldest entry
-- leaves the window, microseconds until the cost would be granted}.
--
-- The clock is the server's: that of a worker may be minutes off (LIMIT-14).

local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
local result = {1}
local counts, nows = {}, {}

-- Entries that have left the window are at the end: find the first one, cut there.
local function cut(key, length, edge)
    local low, high = 0, length
    while low < high do
        local middle = math.floor((low + high) / 2)
        if tonumber(redis.call('LINDEX', key, middle)) > edge then
            low = middle + 1
        else
            high = middle
        end
    end
    if low == 0 then
        redis.call('DEL', key)
    else
        redis.call('LTRIM', key, 0, low - 1)
    end
    return low
end

for i, key in ipairs(KEYS) do
    local limit, window = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3 - 1])
    local cost = tonumber(ARGV[i * 3])
    local now = clock
    local newest = redis.call('LINDEX', key, 0)
    if newest and tonumber(newest) > now then
        now = tonumber(newest) -- the server's clock was set back
    end
    local count = redis.call('LLEN', key)
    local oldest = redis.call('LINDEX', key, -1)
    if oldest and tonumber(oldest) <= now - window then
        count = cut(key, count, now - window)
        oldest = redis.call('LINDEX', key, -1)
    end
    local wait = 0
    local over = count + cost - limit
    if over > 0 then
        result[1] = 0
        local entry = redis.call('LINDEX', key, -over)
        wait = entry and (tonumber(entry) + window - now) or window
    end
    counts[i], nows[i] = count, now
    result[#result + 1] = math.max(0, limit - count)
    result[#result + 1] = oldest and (tonumber(oldest) + window - now) or window
    result[#result + 1] = wait
end

if result[1] == 1 then
    for i, key in ipairs(KEYS) do
        local limit, window = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3 - 1])
        local cost = tonumber(ARGV[i * 3])
        local entry = string.format('%.0f', nows[i])
        local entries = {}
        for n = 1, math.min(cost, 1000) do
            entries[n] = entry
        end
        for first = 1, cost, 1000 do
            local last = math.min(1000, cost - first + 1)
            redis.call('LPUSH', key, unpack(entries, 1, last))
        end
        -- A second more than the window: no entry goes before it has left.
        redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
        result[i * 3 - 1] = limit - counts[i] - cost
    end
end

return result
