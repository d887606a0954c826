"""What Redis does in one go, in Lua, and the keys that it does it with.

All keys and pub/sub channels begin with a base, ``PREFIX:DATABASE:`` (pub/sub knows no databases):

===========  =============================================================================================
``g:GROUP``  pub/sub: what is sent to a group; a number (0 without a history) as a double, and the message
``n:NODE``   pub/sub: what is sent to a channel of a process; the channel's length and name, the message
``w:GROUP``  pub/sub: ``+`` or ``-``, the channel's length and name, its record
``q:QUEUE``  list: what waits in a queue, each with the time when it expires. pub/sub: there is something
``a``        pub/sub: who has flushed
``m:GROUP``  hash: a record for each member. When it ends, since when it is one, its process, its metadata
``k:GROUP``  hash: the queues that are members, and how each takes messages
``s:GROUP``  hash: the first and the last number of a group's history
``h:GROUP``  list: the history
``o:NODE``   set: group and channel of each member that a process has
``nodes``    sorted set: until when each process is taken to be alive
===========  =============================================================================================

What is returned is no list that begins with a string, see
:data:`~hybrid.bridge.layers.redis.connection.Reply`. Times are milliseconds by the clock of Redis, which all
processes share. Every key has a time to live.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

_COMMON: Final = """
local base = ARGV[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number)
  return string.format('%.0f', number)
end
-- A minute longer than what is in it, whose end somebody should notice.
local function live(key, span)
  span = span + 60000
  if redis.call('PTTL', key) < span then
    redis.call('PEXPIRE', key, text(span))
  end
end
"""

_PUSH: Final = """
-- Returns what happened, 1 or 0 for full; how many had expired; how many were dropped for it.
local function push(queue, body, capacity, span, drop)
  local key = base .. 'q:' .. queue
  local expired, dropped = 0, 0
  local size = redis.call('LLEN', key)
  while size >= capacity do
    local ends = struct.unpack('>d', redis.call('LINDEX', key, 0))
    if ends <= now then
      expired = expired + 1
    elseif drop == '1' then
      dropped = dropped + 1
    else
      return {0, expired, 0}
    end
    redis.call('LPOP', key)
    size = size - 1
  end
  redis.call('RPUSH', key, struct.pack('>d', now + span) .. body)
  live(key, span)
  redis.call('PUBLISH', key, '')
  return {1, expired, dropped}
end
"""

_FORWARD: Final = (
    _PUSH
    + """
-- Returns how many messages queues that are members lost by it: expired, and full.
local function forward(group, body)
  local expired, full = 0, 0
  local key = base .. 'k:' .. group
  if redis.call('EXISTS', key) == 1 then
    local members = redis.call('HGETALL', key)
    for i = 1, #members, 2 do
      local ends, capacity, span, drop = string.match(members[i + 1], '^(%S+) (%S+) (%S+) (%S+)$')
      if tonumber(ends) > now then
        local done = push(members[i], body, tonumber(capacity), tonumber(span), drop)
        expired = expired + done[2]
        full = full + done[3] + 1 - done[1]
      else
        redis.call('HDEL', key, members[i])
      end
    end
  end
  if expired + full > 0 then
    return {expired, full}
  end
  return 0
end
"""
)

_RECORDS: Final = """
local function record(ends, since, node, metadata)
  return struct.pack('>ddB', ends, since, #node) .. node .. metadata
end
local function parts(found)
  local ends, since, size = struct.unpack('>ddB', found)
  return ends, since, string.sub(found, 18, 17 + size), string.sub(found, 18 + size)
end
local function tell(sign, group, channel, found)
  redis.call('PUBLISH', base .. 'w:' .. group, sign .. struct.pack('>B', #channel) .. channel .. found)
end
local function remove(group, channel)
  local key = base .. 'm:' .. group
  local found = redis.call('HGET', key, channel)
  if found then
    redis.call('HDEL', key, channel)
    tell('-', group, channel, found)
  end
end
"""

_BURY: Final = (
    _RECORDS
    + """
-- Ends the memberships of a process, some at a time; returns whether more are left.
local function bury(node)
  local some = redis.call('SPOP', base .. 'o:' .. node, 500)
  for _, pair in ipairs(some) do
    local group, channel = string.match(pair, '^(%S+) (%S+)$')
    remove(group, channel)
  end
  if #some < 500 then
    redis.call('ZREM', base .. 'nodes', node)
    return 0
  end
  return 1
end
"""
)

_PRESENT: Final = (
    _RECORDS
    + """
local alive = {['']=true}
local function present(group)
  local there = {}
  local all = redis.call('HGETALL', base .. 'm:' .. group)
  for i = 1, #all, 2 do
    local ends, _, node = parts(all[i + 1])
    if alive[node] == nil then
      local lease = redis.call('ZSCORE', base .. 'nodes', node)
      alive[node] = lease and tonumber(lease) > now or false
    end
    if ends > now and alive[node] then
      there[#there + 1] = all[i]
      there[#there + 1] = all[i + 1]
    end
  end
  return there
end
"""
)


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and the name by which Redis knows it when it has been loaded.

    Attributes:
        text: in Lua; its first argument is the base of all keys.
        name: SHA-1 of the text, in hexadecimal.
    """

    text: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False)
        object.__setattr__(self, "name", digest.hexdigest())


#: base, group, message -> 0, or how many messages were lost in queues
PUBLISH: Final = Script(
    _COMMON
    + _FORWARD
    + """
redis.call('PUBLISH', base .. 'g:' .. ARGV[2], '\\0\\0\\0\\0\\0\\0\\0\\0' .. ARGV[3])
return forward(ARGV[2], ARGV[3])
"""
)

#: base, group, message, length of the history, its span -> as PUBLISH
PUBLISH_AND_KEEP: Final = Script(
    _COMMON
    + _FORWARD
    + """
local group, body, length, span = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local numbers, kept = base .. 's:' .. group, base .. 'h:' .. group
local number = redis.call('HINCRBY', numbers, 'last', 1)
if number == 1 then
  number = tonumber(time[1]) * 1000000 + tonumber(time[2])
  redis.call('HSET', numbers, 'start', text(number), 'last', text(number))
end
redis.call('RPUSH', kept, body)
redis.call('LTRIM', kept, -length, -1)
redis.call('PEXPIRE', kept, text(span))
redis.call('PEXPIRE', numbers, text(span))
redis.call('PUBLISH', base .. 'g:' .. group, struct.pack('>d', number) .. body)
return forward(group, body)
"""
)

#: base, queue, message, capacity, span, "1" to drop the oldest -> done, expired, dropped
PUSH: Final = Script(
    _COMMON + _PUSH + "return push(ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6])"
)

#: base, queue -> how many had expired; what waited, or None
TAKE: Final = Script(
    _COMMON
    + """
local expired = 0
while true do
  local found = redis.call('LPOP', base .. 'q:' .. ARGV[2])
  if not found then
    return {expired, false}
  end
  if struct.unpack('>d', found) > now then
    return {expired, string.sub(found, 9)}
  end
  expired = expired + 1
end
"""
)

#: base, queue, message, span -> 0
PUT_BACK: Final = Script(
    _COMMON
    + """
local key = base .. 'q:' .. ARGV[2]
redis.call('LPUSH', key, struct.pack('>d', now + tonumber(ARGV[4])) .. ARGV[3])
live(key, tonumber(ARGV[4]))
redis.call('PUBLISH', key, '')
return 0
"""
)

#: base, group, channel, span, process ("" for a queue), "1" when metadata is given, metadata, how a queue
#: takes messages -> the number of the newest message
JOIN: Final = Script(
    _COMMON
    + _RECORDS
    + """
local group, channel, span, node = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local given, metadata = ARGV[6], ARGV[7]
local key = base .. 'm:' .. group
local since, is_new = now, true
local found = redis.call('HGET', key, channel)
if found then
  local ends, before, _, said = parts(found)
  if ends > now then
    since, is_new = before, false
    if given == '0' then
      metadata = said
    end
  end
end
local noted = record(now + span, since, node, metadata)
redis.call('HSET', key, channel, noted)
live(key, span)
if node ~= '' then
  redis.call('SADD', base .. 'o:' .. node, group .. ' ' .. channel)
  live(base .. 'o:' .. node, span)
else
  redis.call('HSET', base .. 'k:' .. group, channel, text(now + span) .. ' ' .. ARGV[8])
  live(base .. 'k:' .. group, span)
end
if is_new then
  tell('+', group, channel, noted)
end
return tonumber(redis.call('HGET', base .. 's:' .. group, 'last') or '0')
"""
)

#: base, group, channel, process
LEAVE: Final = Script(
    _COMMON
    + _RECORDS
    + """
remove(ARGV[2], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('SREM', base .. 'o:' .. ARGV[4], ARGV[2] .. ' ' .. ARGV[3])
else
  redis.call('HDEL', base .. 'k:' .. ARGV[2], ARGV[3])
end
"""
)

#: base, group -> 0, and a list of channel, record, channel, record...
MEMBERS: Final = Script(_COMMON + _PRESENT + "return {0, present(ARGV[2])}")

#: base, group -> how many
COUNT: Final = Script(_COMMON + _PRESENT + "return #present(ARGV[2]) / 2")

#: base, group, after -> first number ever, last, number of the first message, messages: those after that one,
#: or all that are kept, if it is not one of these or of the one before them
HISTORY: Final = Script(
    _COMMON
    + """
local numbers = redis.call('HMGET', base .. 's:' .. ARGV[2], 'start', 'last')
if not numbers[2] then
  return {0, 0, 0, {}}
end
local kept = base .. 'h:' .. ARGV[2]
local last = tonumber(numbers[2])
local first = last - redis.call('LLEN', kept) + 1
local skipped = tonumber(ARGV[3]) - first + 1
if skipped < 0 or tonumber(ARGV[3]) > last then
  skipped = 0
end
return {tonumber(numbers[1]), last, first + skipped, redis.call('LRANGE', kept, text(skipped), -1)}
"""
)

#: base, process, lease -> 1 when the process was known to be alive; 2 more when dead ones are left to bury
BEAT: Final = Script(
    _COMMON
    + _BURY
    + """
local nodes, node, lease = base .. 'nodes', ARGV[2], tonumber(ARGV[3])
local before = redis.call('ZSCORE', nodes, node)
redis.call('ZADD', nodes, text(now + lease), node)
live(nodes, math.max(10 * lease, 86400000))
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', nodes, '-inf', text(now), 'LIMIT', 0, 8)) do
  bury(dead)
end
local left = redis.call('ZCOUNT', nodes, '-inf', text(now)) > 0 and 2 or 0
return left + (before and tonumber(before) > now and 1 or 0)
"""
)

#: base, process -> 1 when there is more to do
GOODBYE: Final = Script(_COMMON + _BURY + "return bury(ARGV[2])")

#: base, process. Processes stay alive.
FLUSH: Final = Script(
    _COMMON
    + """
local cursor = '0'
repeat
  local found = redis.call('SCAN', cursor, 'MATCH', base .. '?:*', 'COUNT', 1000)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    redis.call('UNLINK', key)
  end
until cursor == '0'
redis.call('PUBLISH', base .. 'a', ARGV[2])
"""
)

ALL: Final = (
    PUBLISH,
    PUBLISH_AND_KEEP,
    PUSH,
    TAKE,
    PUT_BACK,
    JOIN,
    LEAVE,
    MEMBERS,
    COUNT,
    HISTORY,
    BEAT,
    GOODBYE,
    FLUSH,
)
