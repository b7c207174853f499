"""Shared Lua functions of the scripts.

Anybody can add huge entries, or many. So an answer is limited in bytes, and of an entry above the size cap
only the size and the first part leave the server. A script learns the size of an entry only by reading it, so
it starts with a few.
"""

from exitbrain.infrastructure.wire.first_part import FIRST_PART_BYTES

ANSWER_BYTES = 4 * 1024 * 1024
"""After so many bytes of entries a script stops asking for more; it never looks at much more at once."""

LAST_ID = f"{2**64 - 1}-{2**64 - 1}"
"""The greatest id there can be: the server takes no range that begins after it."""

# `packed` gives what an entry holds as it is handed over: as one text with a NUL between names and values, which is
# quicker to send and to take apart, or as a list where there is a NUL in them already. Of an entry above the cap it
# gives a list of its size and its first part. Besides it gives the size. Measured and cut as `first_part.py` does.
PACKED = f"""
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
IN_CHUNKS = f"""
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

LUA_LAST_ID = f"local LAST_ID = '{LAST_ID}'\n"

# `facts_of` gives what the server says about a group of a stream, by name; nothing where it is not there.
FACTS_OF = """
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

# The run id of the server that gives the entries: only its own ids are in one order. A question of its own would be
# answered by another server after a silent reconnect. It takes some 5 microseconds, once for all that a script gives.
SERVER = """string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''"""
