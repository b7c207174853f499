"""Messages into SQLite, verdicts out of it, and the load of one long aggregate, beside the library alone."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks.measure import Figure, best_of
from benchmarks.peer import PlainApplication, PlainPlan, plain_levels
from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.application.replay.decisions import ReplayReport
from exitbrain.domain.identity import plan_id, position_id
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegistered
from exitbrain.domain.store import StoreOpened
from exitbrain.infrastructure.cli.store import collecting_seldom
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.event_store.parallel_replay import Processes, replay_in_parallel
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

MESSAGES = 40_000
PEER_MESSAGES = 3_000
SYMBOLS = 500
REVISIONS = 999
COPIES = "01234679abc"
"""Digits in the place of the one that says the version of an id: each gives other ids, which no message has."""


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        folder = Path(name)
        source = list(lines(MESSAGES, symbols=SYMBOLS, refused=False))
        plain, symbols, plain_rate = _peer_ingest(folder, source[:PEER_MESSAGES])
        for batch, count, reach, beyond in (
            (1, PEER_MESSAGES, "-", "-"),
            (32, MESSAGES, "-", "-"),
            (256, MESSAGES, "5k", "12k"),
        ):
            rates = [
                _ingest(folder / f"batch-{batch}-{run}.db", source[:count], batch, plain) for run in range(2)
            ]
            yield Figure(
                f"messages into SQLite (FULL sync), batch {batch}",
                "messages/s",
                max(rates),
                "plain eventsourcing application, one save per message",
                plain_rate,
                reach,
                beyond,
                f"{count:,} messages of {SYMBOLS} symbols, as the command `ingest` takes them; best of 2; "
                f"the same TP1 of the first {PEER_MESSAGES:,}",
            )
        yield from _row_replay(folder / "batch-256-0.db", folder, symbols)
        yield _intake_replay(folder / "batch-1-0.db")
        yield _load_of_a_long_plan(folder)


def _ingest(store: Path, source: list[bytes], batch: int, expected_tp1: list[float]) -> float:
    with opened(load_settings(store=f"sqlite:///{store}"), "create") as container, collecting_seldom():
        recorder = container.recorder()
        summary = IngestSummary()

        def ingest() -> None:
            messages = read_messages(source, max_bytes=65_536)
            while chunk := list(islice(messages, batch)):
                summary.count(recorder.handle_batch(chunk))

        taken = best_of(1, ingest)
        if summary.accepted + summary.ignored != len(source):
            raise AssertionError(f"{summary} of {len(source)}")
        decisions = container.decisions().decisions()
        tp1 = [d.levels().raw.tp1 for d, _ in zip(decisions, expected_tp1, strict=False)]  # type: ignore[union-attr]  # none is unreadable
        if any(abs(a - b) > 1e-15 for a, b in zip(tp1, expected_tp1, strict=True)):
            raise AssertionError("the two computed different levels")
    return len(source) / taken


def _peer_ingest(folder: Path, source: list[bytes]) -> tuple[list[float], list[str], float]:
    application = PlainApplication(_peer_store(folder / "peer.db"))
    tp1: list[float | None] = []
    taken = best_of(1, lambda: tp1.extend(application.take(line) for line in source))
    symbols = sorted(application.plans)
    application.close()
    return [value for value in tp1 if value is not None], symbols, len(source) / taken


def _peer_store(path: Path) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}


def _row_replay(store: Path, folder: Path, symbols: list[str]) -> Iterator[Figure]:
    _multiply(store)
    url = f"sqlite:///{store}"
    with opened(load_settings(store=url)) as container:
        head = container.ledger().head()
        decisions = container.decision_replay().run().decisions
        alone = best_of(3, lambda: _check(container.decision_replay().run(), decisions))
    looped, events = _peer_loop(folder, symbols)
    work = (
        f"{decisions:,} decisions in {store.stat().st_size / 1e9:.1f} GB, everything compared, all EXACT; "
        f"peer {events:,} events"
    )
    peer = "eventsourcing repository loop, levels computed again (events/s)"
    processes = Processes.for_log(url, head)
    if processes is not None:
        together = best_of(3, lambda: _check(replay_in_parallel(url, head, processes), decisions))
        yield Figure(
            f"row replay with verdicts from SQLite, {processes.count} processes (what `exitbrain replay` does)",
            "decisions/s",
            decisions / together,
            peer,
            events / looped,
            "100k",
            "300k",
            work,
        )
    yield Figure(
        "the same in one process",
        "decisions/s",
        decisions / alone,
        peer,
        events / looped,
        "-",
        "-",
        work,
    )


def _multiply(store: Path) -> None:
    """Append every message again with all it led to, under other ids: a large store in seconds, not minutes."""
    with closing(sqlite3.connect(store)) as connection, connection:
        (head,) = connection.execute("SELECT MAX(rowid) FROM stored_events").fetchone()
        for digit in COPIES:
            connection.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
                " SELECT substr(originator_id, 1, 12) || ? || substr(originator_id, 14), originator_version, topic, state"
                " FROM stored_events WHERE rowid <= ? AND topic NOT IN (?, ?, ?) ORDER BY rowid",
                (digit, head, StoreOpened.TOPIC, PolicyRegistered.TOPIC, PolicyActivated.TOPIC),
            )


def _check(report: ReplayReport, decisions: int) -> None:
    if report.exact != decisions:
        raise AssertionError(report)


def _peer_loop(folder: Path, symbols: list[str]) -> tuple[float, int]:
    application = PlainApplication(_peer_store(folder / "peer.db"))
    plans = [PlainPlan.create_id(symbol) for symbol in symbols]
    events = 0

    def loop() -> None:
        nonlocal events
        events = sum(_recompute(application, plan) for plan in plans)

    taken = best_of(3, loop)
    application.close()
    return taken, events


def _recompute(application: PlainApplication, plan_id: UUID) -> int:
    """Load a plan and compute its last levels again; return how many events that took."""
    plan: PlainPlan = application.repository.get(plan_id)
    again = plain_levels(float(plan.inputs["leverage"]), plan.inputs["volatility_factor"])
    if plan.levels and again[0] != plan.levels["tp1"]:
        raise AssertionError(f"{plan.symbol} drifted")
    return int(plan.version)


def _intake_replay(store: Path) -> Figure:
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        report = container.intake_replay().run()
        taken = best_of(3, lambda: container.intake_replay().run())
    if not report.clean or not report.receipts:
        raise AssertionError(report)
    return Figure(
        "intake replay from SQLite: raw fields to events, one process",
        "receipts/s",
        report.receipts / taken,
        "",
        0.0,
        "-",
        "-",
        f"{report.receipts:,} receipts, everything they led to compared, all EXACT",
    )


def _load_of_a_long_plan(folder: Path) -> Figure:
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100.5, "quantity": 2, "leverage": 20}
    source = [
        json.dumps(
            {"stream": "trade.intent", "stream_id": f"{n + 1}-0", "fields": {"payload": json.dumps(intent)}}
        ).encode()
        for n in range(REVISIONS)
    ]
    with opened(load_settings(store=f"sqlite:///{folder / 'long.db'}"), "create") as container:
        container.recorder().handle_batch(list(read_messages(source, max_bytes=65_536)))
        ledger = container.ledger()
        wanted = plan_id(position_id("default", "BTCUSDT", "BOTH", 1))
        plan: ExitPlan | None = None

        def load() -> None:
            nonlocal plan
            plan = ledger.plan(wanted)

        ours = best_of(10, load)
        if plan is None or plan.version != REVISIONS + 1:
            raise AssertionError(f"{plan} was loaded")
    return Figure(
        "load of a 1,000-event plan from SQLite",
        "ms",
        ours * 1000,
        "eventsourcing repository, default aggregate",
        _peer_load(folder) * 1000,
        "6",
        "3",
        "the aggregate is ready for its next command",
    )


def _peer_load(folder: Path) -> float:
    application = PlainApplication(_peer_store(folder / "peer-long.db"))
    plan = PlainPlan(symbol="BTCUSDT")
    tp1, tp2, tp3, sl, lsf, _ = plain_levels(20.0, 1.0)
    levels = {"tp1": tp1, "tp2": tp2, "tp3": tp3, "sl": sl, "lsf": lsf}
    for _ in range(REVISIONS):
        plan.compute(side="BUY", inputs={"leverage": 20.0}, levels=levels, triggers={"tp1": 1.0})
    application.save(plan)
    taken = best_of(5, lambda: application.repository.get(plan.id))
    application.close()
    return taken
