"""What the message source asks of the server in one step, as scripts.

The turn is a key that holds the name of the one consumer who may be given entries, and expires unless that consumer
reads. Each script that gives entries looks at it first, so an entry is never given to anybody else. Beside the turn,
and beside each group, a key names the store for which its entries are read: who reads for another store is given
nothing, whatever its name.

Anybody can add an entry of hundreds of megabytes, or many. So what one answer holds is bounded by bytes, and of an
entry above the size cap only its size and its first part leave the server. A script can not know the size of an
entry before it has asked for it, so it asks for a few at first.
"""

from exitbrain.infrastructure.wire.first_part import FIRST_PART_BYTES

ANSWER_BYTES = 4 * 1024 * 1024
"""After so many bytes of entries a script stops asking for more; it never looks at much more at once."""

LETTER_BYTES = 1024 * 1024
"""More than a dead letter of ours ever holds: a message of the highest size cap, all of it escaped."""

LAST_ID = f"{2**64 - 1}-{2**64 - 1}"
"""The greatest id there can be: the server takes no range that begins after it."""

# `packed` gives what an entry holds as it is handed over: as one text with a NUL between names and values, which is
# quicker to send and to take apart, or as a list where there is a NUL in them already. Of an entry above the cap it
# gives a list of its size and its first part. Besides it gives the size. Measured and cut as `first_part.py` does.
_PACKED = f"""
local function size_of(fields)
  local size = 0
  for i = 1, #fields do
    local length = #fields[i]
    size = size + (length > 0 and length or 1)
  end
  return size
end
local function packed(fields, cap)
  if not fields then return fields, 0 end
  local size = size_of(fields)
  if size <= cap then
    if string.find(table.concat(fields), '\\0', 1, true) then return fields, size end
    return table.concat(fields, '\\0'), size
  end
  local kept, room = {{size}}, math.min({FIRST_PART_BYTES}, cap)
  for i = 1, #fields do
    if room <= 0 then break end
    local part = string.sub(fields[i], 1, room)
    kept[#kept + 1] = part
    room = room - math.max(#part, 1)
  end
  if #kept % 2 == 0 then kept[#kept + 1] = '' end
  return kept, size
end
"""

# `in_chunks` asks for up to `limit` entries with `ask(count, after)`, a few at a time, and calls `take` with the id and
# the fields of each, which returns its size. Returns the id of the last, and whether the server has no more.
_IN_CHUNKS = f"""
local function in_chunks(limit, after, ask, take)
  local taken, size, chunk, chunk_max = 0, 0, 1, math.max(1, math.floor(limit / 16))
  while taken < limit and size < {ANSWER_BYTES} do
    local count = math.min(chunk, limit - taken)
    local entries = ask(count, after)
    for i = 1, #entries do size = size + take(entries[i][1], entries[i][2]) end
    if #entries > 0 then after = entries[#entries][1] end
    if #entries < count then return after, true end
    taken, chunk = taken + count, math.min(2 * chunk, chunk_max)
  end
  return after, false
end
"""

_LAST_ID = f"local LAST_ID = '{LAST_ID}'\n"

# `facts_of` gives what the server says about a group of a stream, by name; nothing where it is not there.
_FACTS_OF = """
local function named(list)
  local facts = {}
  for i = 1, #list, 2 do facts[list[i]] = list[i + 1] end
  return facts
end
local function facts_of(stream, group)
  for _, list in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = named(list)
    if facts.name == group then return facts end
  end
end
"""

# Makes the groups that are not there, and notes for whom they are read. Returns the key that names another store with
# what it says, and changes nothing then, unless told to take over; else nothing. After the id of the store a group
# says after which entry it began for that store, and nothing where that is not known: another made the group.
OPEN = (
    _FACTS_OF
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

# The run id of the server that gives the entries: only its own ids are in one order. A question of its own would be
# answered by another server after a silent reconnect. It takes some 5 microseconds, once for all that a script gives.
_SERVER = """string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''"""

# The server, the seconds of its clock, which gives the ids, and for each stream its entries after an id, in turn their
# ids and what they hold, what tells of them (after ">" how far the group is now, else what is pending), 1 where the
# server has no more, and after ">" how far the group was. False without the turn.
READ = (
    _LAST_ID
    + _PACKED
    + _IN_CHUNKS
    + _FACTS_OF
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
    + _SERVER
    + """, redis.call('TIME')[1], answers}
"""
)

# Takes the turn unless another has it, and one chunk of what others hold in a stream. Returns how many it took and the
# id to go on after, empty at the end; while another has the turn, the milliseconds that it has left; and where a key
# names another store, that key with what it says. JUSTID, because an entry counts as delivered when it is read, which
# comes next. Whether it is still in the stream shows only by asking for it, so a chunk ends after so many bytes.
#
# Not XAUTOCLAIM: it says which entries were trimmed in a different manner in each version, and the newer ones forget
# them by saying so. Here a trimmed entry stays pending, whoever holds it, until it is acknowledged.
TAKE_OVER = (
    _LAST_ID
    + _PACKED
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

# Who has the turn, unless that is us: whether it was without an end (which it is given), whether the holder is a
# consumer of the groups, and for each stream how far its group is and how many entries wait. Where the server can not
# count them (before 7.0, and after some deletions) one stands for all.
LOOK_AT_TURN = (
    _FACTS_OF
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
    _PACKED
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
    + _SERVER
    + """, taken}
"""
)

# A server that lost its newest entries may give their ids again. What was read is acknowledged, and not what bears its
# id now: that may be in somebody's hands, and nobody would see it again.
ACKNOWLEDGE = (
    _PACKED
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
    _FACTS_OF
    + """
local facts = facts_of(KEYS[1], ARGV[1])
if not facts then return redis.error_reply('NOGROUP ' .. ARGV[1] .. ' is not there') end
return {facts.pending, facts.lag or false}
"""
)

# How far a group is, and what there is of its stream: the newest id delivered, the oldest that is there, the newest
# deleted, how many there are, how many were ever added, where the server tells it, and the newest ever added. Nothing
# where the group is not there. To a group that was given nothing the rest can not matter, and would cost a look at the first and the newest entry.
PLACE = (
    _FACTS_OF
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
    _PACKED
    + _IN_CHUNKS
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
    + _SERVER
    + """, found, ended and '' or '(' .. last}
"""
)

# Dead letters from an id on, in turn their ids and what they hold, and the id to go on after, empty at the end.
LETTERS = (
    _LAST_ID
    + _PACKED
    + _IN_CHUNKS
    + """
local flat = {}
local function take(id, fields)
  local content, size = packed(fields, LETTER_BYTES)
  flat[#flat + 1] = id
  flat[#flat + 1] = content
  return size
end
local function ask(count, after)
  return after ~= LAST_ID and redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', count) or {}
end
local last, ended = in_chunks(tonumber(ARGV[2]), ARGV[1], ask, take)
return {flat, ended and '' or last}
""".replace("LETTER_BYTES", str(LETTER_BYTES))
)

# Sets a group back, unless it has moved since. What is pending from there on comes again as news, each entry in its
# place; what of it is gone from the stream stays pending, or nobody would hear of it again.
#
# One step, however long it takes: halfway an entry would be neither pending nor news. It goes on when nobody waits for it any
# longer, and who asks again finds the group where it should be.
GO_BACK = (
    _LAST_ID
    + _FACTS_OF
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
