"""Stores of some hundred synthetic decisions, and hands that alter what they hold."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import instruments, lines
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

SPAN = 700
"""Log positions of a segment here: a store of some hundred decisions has several."""

Alter = Callable[[bytes], bytes]


def make_store(
    path: Path,
    *,
    policy: str = "v3.5",
    messages: int = 500,
    skip: int = 0,
    with_instruments: bool = False,
    ticks_of_every: int = 2,
) -> None:
    """Record synthetic messages in a store, after the first `skip` of them.

    With instruments every one has brackets, and every second (or so) tick, step and minimum notional too.
    """
    known = None
    if with_instruments:
        known = path.with_suffix(".instruments.json")
        some = {
            symbol: rules if number % ticks_of_every == 0 else {"brackets": rules["brackets"]}
            for number, (symbol, rules) in enumerate(instruments().items())
        }
        known.write_text(json.dumps(some), encoding="utf-8")
    settings = load_settings(store=f"sqlite:///{path}", policy=policy, instruments=known)
    with opened(settings, "create") as container:
        incoming = list(read_messages(lines(messages), max_bytes=65_536))
        container.recorder().handle_batch(incoming[skip:])


def ledger_of(store: Path) -> StoredLedger:
    return open_ledger(f"sqlite:///{store}", create=False)


def export(store: Path, folder: Path) -> None:
    with closing(ledger_of(store)) as ledger:
        Mirror.of(ledger, folder, SPAN).export(ledger)


def decision_positions(store: Path) -> list[int]:
    with closing(ledger_of(store)) as ledger:
        return [row[0] for row in ledger.rows(topics=DECISION_TOPICS)]


def alter(store: Path, position: int, change: Alter) -> None:
    """Change the bytes of one event in place."""
    with closing(sqlite3.connect(store)) as connection, connection:
        where = (position,)
        (state,) = connection.execute(
            "SELECT CAST(state AS BLOB) FROM stored_events WHERE rowid = ?", where
        ).fetchone()
        altered = change(state)
        assert altered != state, "nothing was altered"
        connection.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", (altered, *where))
