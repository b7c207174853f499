"""How somebody with access to the file would alter the record: one digit of one recorded output."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from exitbrain.infrastructure.demo.readings import Recorded
from exitbrain.infrastructure.demo.results import Alteration
from exitbrain.infrastructure.written_files import FILE_MODE

FIELD = "levels.raw.tp1"
_RECORDED_TP1 = re.compile(rb'"levels":\{"raw":\{[^{}]*?"tp1":(?P<number>\d+\.\d{3}(?P<digit>\d)\d*)')


def copy_store(store: Path, copy: Path) -> None:
    """Copy an SQLite store whole, what still stands in its write-ahead log included."""
    copy.touch(FILE_MODE)
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def alter_a_digit(store: Path, decision: Recorded) -> Alteration:
    """Add one to the fourth decimal place of the recorded TP1 of a decision, in the bytes of its event."""
    with closing(sqlite3.connect(store)) as connection, connection:
        where = (decision.position,)
        (state,) = connection.execute("SELECT state FROM stored_events WHERE rowid = ?", where).fetchone()
        found = _RECORDED_TP1.search(state)
        if found is None:
            raise ValueError(
                f"the event at log position {decision.position} holds no TP1 with four decimal places"
            )
        at = found.start("digit")
        digit = str((int(found["digit"]) + 1) % 10).encode()
        altered = state[:at] + digit + state[at + 1 :]
        connection.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (altered, *where))
    start, end = found.span("number")
    return Alteration(
        decision.id,
        FIELD,
        was=state[start:end].decode(),
        altered=altered[start:end].decode(),
    )
