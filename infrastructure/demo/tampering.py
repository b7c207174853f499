"""Change one digit of one recorded output, as someone with access to the file could."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

from exitbrain.domain.identity import decision_id
from exitbrain.infrastructure.files.written import FILE_MODE

_RECORDED_TP1 = re.compile(rb'"levels":\{"raw":\{[^{}]*?"tp1":(?P<number>\d+\.\d{3}(?P<digit>\d)\d*)')
_REVISION = re.compile(rb'"revision":(\d+)')


def copy_store(store: Path, copy: Path) -> None:
    """Copy a whole SQLite store, including its write-ahead log."""
    copy.touch(FILE_MODE)
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def alter_a_digit(store: Path, decision: str) -> tuple[str, str]:
    """Add one to the fourth decimal place of the recorded TP1 of a decision; return the number before and after.

    `decision` is the id of the decision or the beginning of it. Raises ValueError where there is none with such a TP1.
    """
    with closing(sqlite3.connect(store)) as connection, connection:
        for row, plan, state in connection.execute("SELECT rowid, originator_id, state FROM stored_events"):
            found, revision = _RECORDED_TP1.search(state), _REVISION.search(state)
            if not (
                found and revision and str(decision_id(UUID(plan), int(revision[1]))).startswith(decision)
            ):
                continue
            at, (start, end) = found.start("digit"), found.span("number")
            altered = state[:at] + str((int(found["digit"]) + 1) % 10).encode() + state[at + 1 :]
            connection.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (altered, row))
            return state[start:end].decode(), altered[start:end].decode()
    raise ValueError(f"no decision {decision} with a TP1 of four decimal places in {store}")
