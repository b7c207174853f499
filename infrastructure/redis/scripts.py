"""The atomic scripts of the message source.

The lease is a key with the name of the only consumer that may get entries; it expires unless that consumer
reads. Each script that returns entries checks it first, so no other consumer gets one. A key beside the
lease, and one beside each group, names the store that entries are read for: a reader for another store gets
nothing.
"""

from exitbrain.infrastructure.redis.lua import ANSWER_BYTES, FACTS_OF, IN_CHUNKS, LUA_LAST_ID, PACKED, SERVER

# Makes the groups that are not there, and notes for whom they are read. Returns the key that names another store with
# what it says, and changes nothing then, unless told to take over; else nothing. After the id of the store a group
# says after which entry it began for that store, and nothing where that is not known: another made the group.
OPEN = (
    FACTS_OF
    + """
local store, take_over, start = ARGV[1], ARGV[2] == '1', ARGV[3]
local function is_ours(said) return said and string.sub(said, 1, #store) == store end
local notes = {KEYS[1]}
for i = 3, #KEYS, 2 do notes[#notes + 1] = KEYS[i] end
for _, note in ipairs(notes) do
  local said = redis.call('GET', note)
  if said and not is_ours(said) and not take_over then return {note, said} end
end
redis.call('SET', KEYS[1], store)
for i = 2, #KEYS, 2 do
  local stream, note, group = KEYS[i], KEYS[i + 1], ARGV[i / 2 + 3]
  local made = redis.pcall('XGROUP', 'CREATE', stream, group, start, 'MKSTREAM')
  if not made.err then
    redis.call('SET', note, store .. ':' .. facts_of(stream, group)['last-delivered-id'])
  elseif not string.find(made.err, 'BUSYGROUP', 1, true) then
    return redis.error_reply(made.err .. ' at ' .. stream)
  elseif not is_ours(redis.call('GET', note)) then
    redis.call('SET', note, store .. ':')
  end
end
return {}
"""
)

# The server, the seconds of its clock, which gives the ids, and for each stream its entries after an id, in turn their
# ids and what they hold, what tells of them (after ">" how far the group is now, else what is pending), 1 where the
# server has no more, and after ">" how far the group was. False without the lease.
READ = (
    LUA_LAST_ID
    + PACKED
    + IN_CHUNKS
    + FACTS_OF
    + """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[4] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local limit, cap = tonumber(ARGV[3]), tonumber(ARGV[5])
local function read(stream, group, after)
  local flat = {}
  local function ask(count, from)
    if from == LAST_ID then return {} end
    if after == '>' then from = '>' end
    local taken = redis.call('XREADGROUP', 'GROUP', group, ARGV[1], 'COUNT', count, 'STREAMS', stream, from)
    return taken and taken[1][2] or {}
  end
  local function take(id, fields)
    local content, size = packed(fields, cap)
    flat[#flat + 1] = id
    flat[#flat + 1] = content
    return size
  end
  local last, ended = in_chunks(limit, after, ask, take)
  return flat, last, ended
end
local answers = {}
for i = 3, #KEYS do
  local stream, group, after = KEYS[i], ARGV[2 * i], ARGV[2 * i + 1]
  local was = after == '>' and (facts_of(stream, group) or {})['last-delivered-id']
  local flat, last, ended = read(stream, group, after)
  local about = {}
  if after == '>' then
    about = #flat > 0 and last or was
  elseif #flat > 0 then
    about = redis.call('XPENDING', stream, group, '(' .. after, '+', #flat / 2, ARGV[1])
  end
  answers[#answers + 1] = {flat, about, ended and 1 or 0, was}
end
return {"""
    + SERVER
    + """, redis.call('TIME')[1], answers}
"""
)

# Takes the lease unless another has it, and one chunk of what others hold in a stream. Returns how many it took and the
# id to go on after, empty at the end; while another holds the lease, the milliseconds that it has left; and where a key
# names another store, that key with what it says. JUSTID, because an entry counts as delivered when it is read, which
# comes next. Whether it is still in the stream shows only by asking for it, so a chunk ends after so many bytes.
#
# Not XAUTOCLAIM: it says which entries were trimmed in a different manner in each version, and the newer ones forget
# them by saying so. Here a trimmed entry stays pending, whoever holds it, until it is acknowledged.
TAKE_OVER = (
    LUA_LAST_ID
    + PACKED
    + """
local store = ARGV[6]
for i = 3, 4 do
  local said = redis.call('GET', KEYS[i])
  if said and string.sub(said, 1, #store) ~= store then return {KEYS[i], said} end
end
local holder = redis.pcall('GET', KEYS[1])
local wrong = type(holder) == 'table' and redis.call('TYPE', KEYS[1]).ok or ''
if wrong == '' and holder and holder ~= ARGV[1] then return redis.call('PTTL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[3], store)
local found = ARGV[4] ~= LAST_ID and redis.call('XPENDING', KEYS[2], ARGV[3], '(' .. ARGV[4], '+', ARGV[5]) or {}
local theirs, looked_at, size = {}, 0, 0
while looked_at < #found and size < ANSWER_BYTES do
  looked_at = looked_at + 1
  local id = found[looked_at][1]
  local entry = found[looked_at][2] ~= ARGV[1] and redis.call('XRANGE', KEYS[2], id, id)[1]
  if entry then
    theirs[#theirs + 1] = id
    size = size + size_of(entry[2])
  end
end
local taken = #theirs
if taken > 0 then
  theirs[taken + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[2], ARGV[3], ARGV[1], 0, unpack(theirs))
end
local more = looked_at < #found or #found == tonumber(ARGV[5])
return {taken, more and found[looked_at][1] or '', wrong}
""".replace("ANSWER_BYTES", str(ANSWER_BYTES))
)

# Who holds the lease, unless that is us: whether it was without an end (which it is given), whether the holder is a
# consumer of the groups, and for each stream how far its group is and how many entries wait. Where the server cannot
# count them (before 7.0, and after some deletions) one stands for all.
LOOK_AT_LEASE = (
    FACTS_OF
    + """
local holder = redis.pcall('GET', KEYS[1])
if not holder or type(holder) == 'table' or holder == ARGV[1] then return false end
local left = redis.call('PTTL', KEYS[1])
local endless = left == -1 or left > tonumber(ARGV[3])
if endless and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
local known, waiting, places = 0, 0, {}
for i = 2, #KEYS do
  local stream, group = KEYS[i], ARGV[i + 2]
  for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    if facts[2] == holder then known = 1 end
  end
  local facts = facts_of(stream, group)
  if facts then
    local place = facts['last-delivered-id']
    places[#places + 1] = place
    waiting = waiting + (facts.lag or #redis.call('XRANGE', stream, '(' .. place, '+', 'COUNT', 1))
  end
end
return {holder, endless and 1 or 0, known, waiting, places}
"""
)

# Not DEL: a right less that a worker needs, and one that `doctor` could not try.
RELEASE = """
return redis.pcall('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], 0) or 0
"""

RECLAIM = (
    PACKED
    + """
local holder = redis.pcall('GET', KEYS[1])
if holder and holder ~= ARGV[2] or redis.call('GET', KEYS[3]) ~= ARGV[5] then return {'', {}} end
local taken, size = {}, 0
for _, pending in ipairs(redis.call('XPENDING', KEYS[2], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
  local id, times = pending[1], pending[4] + 1
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  if entry then redis.call('XCLAIM', KEYS[2], ARGV[1], ARGV[2], 0, id, 'RETRYCOUNT', times, 'JUSTID') end
  local content, its_size = packed(entry and entry[2] or false, tonumber(ARGV[6]))
  taken[#taken + 1] = {id, content, times}
  size = size + its_size
  if size >= ANSWER_BYTES then break end
end
return {""".replace("ANSWER_BYTES", str(ANSWER_BYTES))
    + SERVER
    + """, taken}
"""
)

# A server that lost its newest entries may give their ids again. What was read is acknowledged, and not what bears its
# id now: that may be in somebody's hands, and nobody would see it again.
ACKNOWLEDGE = (
    PACKED
    + """
local done = {}
for i = 3, #ARGV, 2 do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  local content = entry and packed(entry[2], tonumber(ARGV[2]))
  if type(content) == 'table' then content = table.concat(content, '\\0') end
  if not entry or redis.sha1hex(content) == ARGV[i + 1] then done[#done + 1] = ARGV[i] end
end
return #done > 0 and redis.call('XACK', KEYS[1], ARGV[1], unpack(done)) or 0
"""
)

# One step: between a look and a removal a consumer could be given entries, which would be removed with it.
REAP = """
local removed, kept = {}, {}
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #facts, 2 do consumer[facts[i]] = facts[i + 1] end
  if consumer.name ~= ARGV[2] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed[#removed + 1] = string.sub(consumer.name, 1, 256)
  else
    kept[#kept + 1] = string.sub(consumer.name, 1, 256)
  end
end
return {removed, kept}
"""

# How much a group holds that is not acknowledged, and how much it was never given, where the server can tell.
BACKLOG = (
    FACTS_OF
    + """
local facts = facts_of(KEYS[1], ARGV[1])
if not facts then return redis.error_reply('NOGROUP ' .. ARGV[1] .. ' is not there') end
return {facts.pending, facts.lag or false}
"""
)
