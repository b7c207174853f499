"""What an SQLite file says of its own table of events, which may come from anybody.

A view under the name of the table, a trigger on it or a clause in its definition would decide what we read and what becomes
of what we write. So the table is as we make it, and nothing in the file has to do with it. What a host keeps in the same file
for tables of its own never runs with a statement of ours and is its own affair; a file without such tables holds none of it.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from exitbrain.application.ports.exit_ledger import StoreUnavailable

EVENTS = "stored_events"
# The library's table with its row ids declared, since VACUUM may renumber those that are not:
# decisions and readers of the log remember them as positions.
TABLE = (
    f"CREATE TABLE IF NOT EXISTS {EVENTS} ("
    "rowid INTEGER PRIMARY KEY, "
    "originator_id TEXT NOT NULL, "
    "originator_version INTEGER NOT NULL, "
    "topic TEXT NOT NULL, "
    "state BLOB NOT NULL, "
    "UNIQUE (originator_id, originator_version))"
)
VALUE_BYTES_MAX = 16 * 1024 * 1024
"""Far more than any event takes: its message has at most 128 KiB."""
POSITION_MAX = 2**53
"""Where the last position is taken SQLite picks free ones at random, and JSON knows no whole number beyond this one."""

_ENTRIES = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_ENTRIES_OF_HOST = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master UNION ALL "
    "SELECT type, name, tbl_name, sql FROM sqlite_temp_master"
)
_INDEXES = (
    "SELECT name FROM pragma_index_list('stored_events') AS found WHERE partial OR (\"unique\" AND origin = 'c') "
    "OR EXISTS (SELECT 1 FROM pragma_index_xinfo(found.name) WHERE cid = -2)"  # an expression
)
_POSITIONS = "SELECT (SELECT MIN(rowid) FROM stored_events), (SELECT MAX(rowid) FROM stored_events)"
_TOO_LONG = "SELECT rowid FROM stored_events WHERE typeof(state) <> 'blob' OR length(state) > ? LIMIT 1"
_VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
_SPACE, _QUOTES = re.compile(r"\s+"), str.maketrans("", "", "\"`[]'")

Entry = tuple[str, str, str, str | None]
"""Type, name, table and definition of something in a file."""


def trust_nothing(connection: sqlite3.Connection) -> None:
    """Have SQLite run nothing that a file defines unless it is harmless, look at pages before it uses them, and read no value
    that no event is.
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def check_schema(select: Callable[[str], list[Any]], name: str, *, of_host: bool = False) -> bool:
    """Return whether a file has the table of events; raises StoreUnavailable where something in it acts on that table.

    `of_host` looks at what is defined on the connection, too.
    """
    entries: list[Entry] = select(_ENTRIES_OF_HOST if of_host else _ENTRIES)
    found = [sql for kind, each, _, sql in entries if (kind, each.lower()) == ("table", EVENTS)]
    if found and _plain(found[0]) != _plain(TABLE):
        raise StoreUnavailable(f"{name} cannot be used: it has a table {EVENTS} that is not of ExitBrain")
    strangers = sorted(set(_strangers(entries)))
    if strangers:
        raise StoreUnavailable(
            f"{name} holds what ExitBrain did not put there and what may change what is read or written: "
            f"{', '.join(strangers)}; allowed beside {EVENTS}: a host's own tables, and what is defined for those"
        )
    if not found:
        return False
    if indexes := select(_INDEXES):
        raise StoreUnavailable(
            f"{name} has the index {_shown(indexes[0][0])} on {EVENTS}, which may hide events or refuse new ones; "
            "allowed: plain indexes"
        )
    lowest, highest = select(_POSITIONS)[0]
    if lowest is not None and not 0 < lowest <= highest <= POSITION_MAX:
        wrong = lowest if lowest < 1 else highest
        raise StoreUnavailable(f"{name} holds the log position {wrong}; allowed: 1 to {POSITION_MAX}")
    return True


def too_long_at(connection: sqlite3.Connection) -> str:
    """Return where a value lies that is longer than any event, as the end of a sentence."""
    found = connection.execute(_TOO_LONG, [VALUE_BYTES_MAX]).fetchone()
    return "" if found is None else f" at log position {found[0]}"


def _strangers(entries: list[Entry]) -> Iterator[str]:
    own = [name for kind, name, _, sql in entries if kind == "table" and _is_of_host(name, sql, entries)]
    for kind, name, table, sql in entries:
        if kind == "index" or (kind == "table" and not _VIRTUAL.match(sql or "")):
            continue
        if not own or EVENTS in (name.lower(), table.lower()) or EVENTS in (sql or "").lower():
            yield f"{'virtual table' if kind == 'table' else kind} {_shown(name)}"


def _is_of_host(name: str, sql: str | None, entries: list[Entry]) -> bool:
    """Return whether a table is one that a host keeps: not ours, SQLite's, virtual, or behind a virtual one."""
    virtual = [each for _, each, _, text in entries if _VIRTUAL.match(text or "")]
    return not (
        name.lower() == EVENTS
        or name.startswith("sqlite_")
        or _VIRTUAL.match(sql or "")
        or any(name.startswith(f"{each}_") for each in virtual)
    )


def _plain(sql: str | None) -> str:
    text = _SPACE.sub(" ", (sql or "").translate(_QUOTES)).lower().replace("if not exists ", "")
    return (
        text.replace(" (", "(")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(" ,", ",")
        .replace(", ", ",")
        .strip()
    )


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
