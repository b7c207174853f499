"""Atomic scripts that find a group's place, read back what it was given, and set it back."""

from exitbrain.infrastructure.redis.lua import FACTS_OF, IN_CHUNKS, LUA_LAST_ID, PACKED, SERVER

# How far a group is, and what there is of its stream: the newest id delivered, the oldest that is there, the newest
# deleted, how many there are, how many were ever added, where the server tells it, and the newest ever added. Nothing
# where the group is not there. To a group that was given nothing the rest cannot matter, and would cost a look at the first and the newest entry.
PLACE = (
    FACTS_OF
    + """
local group = facts_of(KEYS[1], ARGV[1])
if not group then return false end
if group['last-delivered-id'] == '0-0' then return {'0-0', '', '0-0', 0, -1, ''} end
local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))
local first = stream['first-entry']
return {
  group['last-delivered-id'], first and first[1] or '', stream['max-deleted-entry-id'] or '0-0',
  stream.length, stream['entries-added'] or -1, stream['last-generated-id'],
}
"""
)

# The server, what was delivered of a stream, newest first (ids, what they hold, and whether they are pending), and the
# id to go on before, empty at the end. The newest delivered of all is among them also where it is gone from the stream.
LOOK_BACK = (
    PACKED
    + IN_CHUNKS
    + """
local found = {}
local function take(id, fields)
  local content, size = packed(fields, tonumber(ARGV[6]))
  found[#found + 1] = {id, content, #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)}
  return size
end
local function ask(count, before)
  if #found > 0 then before = '(' .. before end
  local entries = redis.call('XREVRANGE', KEYS[1], before, ARGV[3], 'COUNT', count)
  if #found == 0 and ARGV[2] == ARGV[5] and (#entries == 0 or entries[1][1] ~= ARGV[5]) then take(ARGV[5], false) end
  return entries
end
local last, ended = in_chunks(tonumber(ARGV[4]), ARGV[2], ask, take)
return {"""
    + SERVER
    + """, found, ended and '' or '(' .. last}
"""
)

# Sets a group back, unless it has moved since. What is pending from there on comes again as news, each entry in its
# place; what of it is gone from the stream stays pending, or nobody would hear of it again.
#
# One step, however long it takes: halfway an entry would be neither pending nor news. It goes on when nobody waits for it any
# longer, and who asks again finds the group where it should be.
GO_BACK = (
    LUA_LAST_ID
    + FACTS_OF
    + """
local facts = facts_of(KEYS[1], ARGV[1])
if facts and facts['last-delivered-id'] ~= ARGV[2] then return 0 end
local from = '(' .. ARGV[3]
while true do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 500)
  if #pending == 0 then break end
  for _, one in ipairs(pending) do
    if #redis.call('XRANGE', KEYS[1], one[1], one[1]) > 0 then redis.call('XACK', KEYS[1], ARGV[1], one[1]) end
    from = '(' .. one[1]
  end
  if from == '(' .. LAST_ID then break end
end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
)
