-- Takes some from several limits, or nothing from any (generic cell rate algorithm).
--
-- KEYS: who is counted, one for each limit. ARGV: how many are taken, and then for each limit how many may be taken at
-- once and how many microseconds it takes until there is one more.
--
-- Answers which limit refused, counted from 1, or 0; after how many microseconds it would not, or -1 for never; and how
-- many are left of the first limit.
--
-- What is kept of each is the instant from which nothing is left to make good. It is counted by this server's clock alone,
-- from an instant that is not long ago, so that microseconds and fractions of them fit into a double.
local time = redis.call('TIME')
local now = (time[1] - 1767225600) * 1000000 + time[2]
local count = tonumber(ARGV[1])
local debts = {}
local left = 0
for i, key in ipairs(KEYS) do
    local burst, interval = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local kept = tonumber(redis.call('GET', key) or now) or now
    -- A clock that was set back, or a limit that was made smaller, leaves nobody with more than all of it to make good.
    local debt = math.max(0, math.min(kept - now, burst * interval))
    -- Instants are kept to a thousandth of a microsecond, and doubles to a tenth in many years.
    local room = math.floor(burst - (debt - 0.1) / interval)
    if i == 1 then left = room end
    if count > burst then return {i, -1, left} end
    if count > room then return {i, math.ceil(debt + (count - burst) * interval), left} end
    debts[i] = debt + count * interval
end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.3f', now + debts[i]), 'PX', math.ceil(debts[i] / 1000) + 1)
end
return {0, 0, left - count}
