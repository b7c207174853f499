"""The index for look-ups: how fast it reads the log, and what a look-up costs, beside reading the log."""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Figure, best_of
from exitbrain.application.ports.index import DecisionsWanted
from exitbrain.application.queries import lookup
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_to_read
from exitbrain.infrastructure.index.sqlite_index import SQLiteIndex
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

MESSAGES = 60_000
SYMBOLS = 200
BATCH = 256


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        store = f"sqlite:///{name}/store.db"
        _record(store)
        with closing(open_to_read(store)) as ledger:
            yield _building(ledger, Path(name))
            with closing(SQLiteIndex(ledger, Path(name, "asked.index"))) as index:
                index.catch_up()
                yield _open_positions(ledger, index)
                yield _last_decisions(index)


def _record(store: str) -> None:
    with opened(load_settings(store=store), "create") as container:
        messages = read_messages(list(lines(MESSAGES, symbols=SYMBOLS)), max_bytes=65_536)
        while batch := list(islice(messages, BATCH)):
            container.recorder().handle_batch(batch)


def _building(ledger: StoredLedger, folder: Path) -> Figure:
    runs = iter(range(9))

    def build() -> None:
        with closing(SQLiteIndex(ledger, folder / f"{next(runs)}.index")) as index:
            index.catch_up()

    def read() -> None:
        for _ in ledger.log():
            pass

    head = ledger.head()
    return Figure(
        "index for look-ups, built from SQLite",
        "events/s",
        head / best_of(3, build),
        "reading the log, every event decoded",
        head / best_of(3, read),
        "60k",
        "120k",
        f"{head:,} events of {MESSAGES:,} messages and {SYMBOLS} symbols; best of 3",
    )


def _open_positions(ledger: StoredLedger, index: SQLiteIndex) -> Figure:
    ids = [place.position_id for place in index.open_positions()]
    if [one.decision for one in lookup.positions(ledger, index)] != [
        one.decision for one in lookup.read_from_log(ledger, ids)
    ]:
        raise AssertionError("the two found different levels")
    return Figure(
        "open positions with their latest levels",
        "ms",
        1e3 * best_of(5, lambda: lookup.positions(ledger, index)),
        "reading the log once",
        1e3 * best_of(2, lambda: lookup.read_from_log(ledger, ids)),
        "-",
        "-",
        f"{len(ids)} open positions among {ledger.head():,} events; the same levels",
    )


def _last_decisions(index: SQLiteIndex) -> Figure:
    wanted = DecisionsWanted(symbol="BTCUSDT", guard="stop_wider_than_costs", policy="v3.5")
    return Figure(
        "newest 100 decisions of a symbol and policy that fail a guard",
        "ms",
        1e3 * best_of(9, lambda: index.decisions(wanted)),
        "",
        0.0,
        "25",
        "5",
        f"{sum(index.counts().causes.values()):,} decisions; ids and log positions",
    )
