"""What the message source asks of the server in one step, as scripts.

The turn is a key that holds the name of the one consumer who may be given entries, and expires unless that consumer
reads. Each script that gives entries looks at it first, so an entry is never given to anybody else. Beside the turn,
and beside each group, a key names the store for which its entries are read: who reads for another store is given
nothing, whatever its name.
"""

# Makes the groups that are not there, and notes for whom they are read. Returns the key that names another store with
# what it says, and changes nothing then, unless told to take over; else nothing. After the id of the store a group
# says after which entry it began for that store, and nothing where that is not known: another made the group.
OPEN = """
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
    for _, facts in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      local named = {}
      for j = 1, #facts, 2 do named[facts[j]] = facts[j + 1] end
      if named.name == group then redis.call('SET', note, store .. ':' .. named['last-delivered-id']) end
    end
  elseif not string.find(made.err, 'BUSYGROUP', 1, true) then
    return redis.error_reply(made.err .. ' at ' .. stream)
  elseif not is_ours(redis.call('GET', note)) then
    redis.call('SET', note, store .. ':')
  end
end
return {}
"""

# The run id of the server that gives the entries: only its own ids are in one order. A question of its own would be
# answered by another server after a silent reconnect. It takes some 5 microseconds, once for all that a script gives.
_SERVER = """string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''"""

# The server, and for each stream its entries after an id, in turn their ids and what they hold, and what tells of them:
# after ">" how far the group is now, else what is pending; and after ">" how far the group was. False without the turn. Names and values come as one text
# with a NUL between them, which is quicker to send and to take apart, or as a list where there is a NUL in them already.
READ = (
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[4] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local function delivered(stream, group)
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local named = {}
    for i = 1, #facts, 2 do named[facts[i]] = facts[i + 1] end
    if named.name == group then return named['last-delivered-id'] end
  end
end
local function packed(entries)
  local flat = {}
  for i, entry in ipairs(entries) do
    local fields = entry[2]
    flat[2 * i - 1] = entry[1]
    if fields and not string.find(table.concat(fields), '\\0', 1, true) then
      fields = table.concat(fields, '\\0')
    end
    flat[2 * i] = fields
  end
  return flat
end
local answers = {}
for i = 3, #KEYS do
  local stream, group, after = KEYS[i], ARGV[2 * i - 1], ARGV[2 * i]
  local was = after == '>' and delivered(stream, group)
  local taken = redis.call('XREADGROUP', 'GROUP', group, ARGV[1], 'COUNT', ARGV[3], 'STREAMS', stream, after)
  local entries, about = taken and taken[1][2] or {}, nil
  if after ~= '>' then
    about = redis.call('XPENDING', stream, group, '(' .. after, '+', ARGV[3], ARGV[1])
  else
    about = #entries > 0 and entries[#entries][1] or was
  end
  answers[#answers + 1] = {packed(entries), about, was}
end
return {"""
    + _SERVER
    + """, answers}
"""
)

# Takes the turn unless another has it, and one chunk of what others hold in a stream. Returns how many it took and the
# id to go on after, empty at the end; while another has the turn, the milliseconds that it has left; and where a key
# names another store, that key with what it says. JUSTID, because an entry counts as delivered when it is read, which
# comes next.
#
# Not XAUTOCLAIM: it says which entries were trimmed in a different manner in each version, and the newer ones forget
# them by saying so. Here a trimmed entry stays pending, whoever holds it, until it is acknowledged.
TAKE_OVER = """
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
local found = redis.call('XPENDING', KEYS[2], ARGV[3], '(' .. ARGV[4], '+', ARGV[5])
local theirs = {}
for _, pending in ipairs(found) do
  local id = pending[1]
  if pending[2] ~= ARGV[1] and #redis.call('XRANGE', KEYS[2], id, id) > 0 then theirs[#theirs + 1] = id end
end
local taken = #theirs
if taken > 0 then
  theirs[taken + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[2], ARGV[3], ARGV[1], 0, unpack(theirs))
end
return {taken, #found == tonumber(ARGV[5]) and found[#found][1] or '', wrong}
"""

# Who has the turn, unless that is us: whether it was without an end (which it is given), whether the holder is a
# consumer of the groups, and for each stream how far its group is and how many entries wait. Where the server can not
# count them (before 7.0, and after some deletions) one stands for all.
LOOK_AT_TURN = """
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
  for _, facts in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local named = {}
    for j = 1, #facts, 2 do named[facts[j]] = facts[j + 1] end
    if named.name == group then
      local place = named['last-delivered-id']
      places[#places + 1] = place
      waiting = waiting + (named.lag or #redis.call('XRANGE', stream, '(' .. place, '+', 'COUNT', 1))
    end
  end
end
return {holder, endless and 1 or 0, known, waiting, places}
"""

# Not DEL: a right less that a worker needs, and one that `doctor` could not try.
RELEASE = """
return redis.pcall('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], 0) or 0
"""

RECLAIM = (
    """
local holder = redis.pcall('GET', KEYS[1])
if holder and holder ~= ARGV[2] or redis.call('GET', KEYS[3]) ~= ARGV[5] then return {'', {}} end
local taken = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[2], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
  local id, times = pending[1], pending[4] + 1
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  if entry then redis.call('XCLAIM', KEYS[2], ARGV[1], ARGV[2], 0, id) end
  taken[#taken + 1] = {id, entry and entry[2] or {}, times}
end
return {"""
    + _SERVER
    + """, taken}
"""
)

# A server that lost its newest entries may give their ids again. What was read is acknowledged, and not what bears its
# id now: that may be in somebody's hands, and nobody would see it again.
ACKNOWLEDGE = """
local done = {}
for i = 2, #ARGV, 2 do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if not entry or redis.sha1hex(table.concat(entry[2], '\\0')) == ARGV[i + 1] then done[#done + 1] = ARGV[i] end
end
return #done > 0 and redis.call('XACK', KEYS[1], ARGV[1], unpack(done)) or 0
"""

# One step: between a look and a removal a consumer could be given entries, which would be removed with it.
REAP = """
local removed, kept = {}, {}
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #facts, 2 do consumer[facts[i]] = facts[i + 1] end
  if consumer.name ~= ARGV[2] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed[#removed + 1] = consumer.name
  else
    kept[#kept + 1] = consumer.name
  end
end
return {removed, kept}
"""

# The server, and what was delivered of a stream, newest first: ids, what they hold, and whether they are pending. The
# newest delivered of all is among them also where it is gone from the stream.
LOOK_BACK = (
    """
local found = {}
local function take(id, fields)
  found[#found + 1] = {id, fields, #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)}
end
local entries = redis.call('XREVRANGE', KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
if ARGV[2] == ARGV[5] and (#entries == 0 or entries[1][1] ~= ARGV[5]) then take(ARGV[5], {}) end
for _, entry in ipairs(entries) do take(entry[1], entry[2]) end
return {"""
    + _SERVER
    + """, found}
"""
)

# Sets a group back, unless it has moved since. What is pending from there on comes again as news, each entry in its
# place; what of it is gone from the stream stays pending, or nobody would hear of it again.
GO_BACK = """
for _, facts in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local named = {}
  for i = 1, #facts, 2 do named[facts[i]] = facts[i + 1] end
  if named.name == ARGV[1] and named['last-delivered-id'] ~= ARGV[2] then return 0 end
end
local from = '(' .. ARGV[3]
while true do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 500)
  if #pending == 0 then break end
  for _, one in ipairs(pending) do
    if #redis.call('XRANGE', KEYS[1], one[1], one[1]) > 0 then redis.call('XACK', KEYS[1], ARGV[1], one[1]) end
    from = '(' .. one[1]
  end
end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
return 1
"""
