-- Keeps a batch of entries and counts their issues, all or nothing, once.
-- KEYS[1]: prefix, with a hash tag, so that every key is on one node of a cluster.
-- ARGV[1]: id of the batch; ARGV[2]: what it adds to each issue, as JSON, numbers as
-- text, which Lua would round; then four arguments for each entry.
-- Returns pairs of what happened and issue.
local prefix = KEYS[1]
local function key(name) return prefix .. name end

if not redis.call('SET', key('batch:' .. ARGV[1]), '1', 'NX', 'EX', 3600) then
    return {}
end

local tallies = cjson.decode(ARGV[2])
local changes = {}
local before = {}
for _, tally in ipairs(tallies) do
    for release, at in pairs(tally.releases) do
        before[release] = redis.call('HGET', key('releases'), release)
    end
end
for _, tally in ipairs(tallies) do
    for release, at in pairs(tally.releases) do
        redis.call('HSETNX', key('releases'), release, at)
    end
end

local function reopens(mended, release)
    if not mended or mended == '' or release == mended then return true end
    local seen = before[release]
    if not seen then return true end
    local cured = redis.call('HGET', key('releases'), mended)
    return cured and tonumber(seen) > tonumber(cured)
end

for _, tally in ipairs(tallies) do
    local id = tally.id
    local issue = key('issue:' .. id)
    if redis.call('EXISTS', issue) == 0 then
        redis.call('HSET', issue, 'title', tally.title, 'level', tally.level,
            'event', tally.event, 'route', tally.route, 'culprit', tally.culprit,
            'state', 'open', 'first_seen', tally.first_seen,
            'last_seen', tally.last_seen)
        changes[#changes + 1] = 'new'
        changes[#changes + 1] = id
    else
        redis.call('HSET', issue, 'title', tally.title)
        if tally.level == 'error' then redis.call('HSET', issue, 'level', 'error') end
        local known = redis.call('HMGET', issue, 'first_seen', 'last_seen', 'state',
            'resolved_in')
        if tonumber(tally.first_seen) < tonumber(known[1]) then
            redis.call('HSET', issue, 'first_seen', tally.first_seen)
        end
        if tonumber(tally.last_seen) > tonumber(known[2]) then
            redis.call('HSET', issue, 'last_seen', tally.last_seen)
        end
        if known[3] == 'resolved' then
            for release, _ in pairs(tally.releases) do
                if reopens(known[4], release) then
                    redis.call('HSET', issue, 'state', 'open',
                        'state_at', tally.last_seen)
                    redis.call('HDEL', issue, 'resolved_in')
                    changes[#changes + 1] = 'reopened'
                    changes[#changes + 1] = id
                    break
                end
            end
        end
    end
    local count = redis.call('HINCRBY', issue, 'count', tally.count)
    redis.call('ZADD', key('by:count'), count, id)
    redis.call('ZADD', key('by:first_seen'), redis.call('HGET', issue, 'first_seen'), id)
    redis.call('ZADD', key('by:last_seen'), redis.call('HGET', issue, 'last_seen'), id)
    for hour, more in pairs(tally.hours) do
        redis.call('HINCRBY', key('hours:' .. id), hour, more)
    end
    for release, at in pairs(tally.releases) do
        if release ~= '' and redis.call('ZCARD', key('releases:' .. id)) < 50 then
            redis.call('ZADD', key('releases:' .. id), 'NX', at, release)
        end
    end
    for _, user in ipairs(tally.users) do
        if redis.call('SCARD', key('users:' .. id)) < 10000 then
            redis.call('SADD', key('users:' .. id), user)
        end
    end
end

for place = 3, #ARGV, 8 do
    local id, issue, at = ARGV[place], ARGV[place + 1], ARGV[place + 2]
    if redis.call('HEXISTS', key('ids'), id) == 1 then
        -- A storm goes on: its row is not touched, what is added is kept beside it.
        redis.call('HINCRBY', key('more:' .. id), 'repeats', ARGV[place + 5])
        redis.call('HSET', key('more:' .. id), 'last_at', ARGV[place + 6])
        for _, other in ipairs(cjson.decode(ARGV[place + 7])) do
            if redis.call('LLEN', key('also:' .. id)) < 20 then
                redis.call('RPUSH', key('also:' .. id), other)
            end
        end
    else
        local n = redis.call('INCR', key('n'))
        redis.call('XADD', key('entries'), n .. '-0', 'id', id, 'issue', issue,
            'body', ARGV[place + 3], 'words', ARGV[place + 4])
        redis.call('HSET', key('ids'), id, n)
        redis.call('ZADD', key('of:' .. issue), n, n)
        redis.call('ZADD', key('times'), at, n)
    end
end
return changes
