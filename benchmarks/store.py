"""Messages into SQLite, verdicts out of it, and the load of one long aggregate, beside the library alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from benchmarks.measure import Figure, best_of
from benchmarks.peer import PlainApplication, PlainPlan, plain_levels
from exitbrain.application.recording import IngestSummary
from exitbrain.domain.exit_plan import ExitPlan
from exitbrain.domain.identity import plan_id, position_id
from exitbrain.infrastructure.container import Container, opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

MESSAGES = 40_000
PEER_MESSAGES = 3_000
SYMBOLS = 500
REVISIONS = 999


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as folder:
        source = list(lines(MESSAGES, symbols=SYMBOLS, refused=False))
        plain, symbols, plain_rate = _peer_ingest(Path(folder), source[:PEER_MESSAGES])
        for batch, reach, beyond in ((1, "-", "-"), (32, "-", "-"), (256, "5k", "12k")):
            store = Path(folder) / f"batch-{batch}.db"
            part = source if batch > 1 else source[:PEER_MESSAGES]
            rate = _ingest(store, part, batch, plain)
            yield Figure(
                f"messages into SQLite (FULL sync), batch {batch}",
                "messages/s",
                rate,
                "plain eventsourcing application, one save per message",
                plain_rate,
                reach,
                beyond,
                f"{len(part):,} messages of {SYMBOLS} symbols; the same TP1 of the first {PEER_MESSAGES:,}",
            )
        yield _row_replay(Path(folder) / "batch-256.db", Path(folder), symbols)
        yield _load_of_a_long_plan(Path(folder))


def _ingest(store: Path, source: list[bytes], batch: int, expected_tp1: list[float]) -> float:
    with opened(load_settings(store=f"sqlite:///{store}"), create=True) as container:
        recorder = container.recorder()
        summary = IngestSummary()

        def ingest() -> None:
            incoming = list(read_messages(source, max_bytes=65_536))
            for start in range(0, len(incoming), batch):
                summary.count(recorder.handle_batch(incoming[start : start + batch]))

        taken = best_of(1, ingest)
        if summary.accepted + summary.ignored != len(source):
            raise AssertionError(f"{summary} of {len(source)}")
        decisions = container.decisions().decisions()
        tp1 = [d.levels().raw.tp1 for d, _ in zip(decisions, expected_tp1, strict=False)]  # type: ignore[union-attr]  # none is unreadable
        if any(abs(a - b) > 1e-15 for a, b in zip(tp1, expected_tp1, strict=True)):
            raise AssertionError("the two computed different levels")
    return len(source) / taken


def _peer_ingest(folder: Path, source: list[bytes]) -> tuple[list[float], list[str], float]:
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "peer.db")}
    application = PlainApplication(env)
    tp1: list[float | None] = []
    taken = best_of(1, lambda: tp1.extend(application.take(line) for line in source))
    symbols = sorted(application.plans)
    application.close()
    return [value for value in tp1 if value is not None], symbols, len(source) / taken


def _row_replay(store: Path, folder: Path, symbols: list[str]) -> Figure:
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        decisions = container.decision_replay().run().decisions
        replayed = best_of(3, lambda: _check(container, decisions))
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "peer.db")}
    application = PlainApplication(env)
    plans = [PlainPlan.create_id(symbol) for symbol in symbols]
    events = 0

    def loop() -> None:
        nonlocal events
        events = sum(_recompute(application, plan) for plan in plans)

    looped = best_of(3, loop)
    application.close()
    return Figure(
        "row replay with verdicts from SQLite",
        "decisions/s",
        decisions / replayed,
        "eventsourcing repository loop, levels computed again (events/s)",
        events / looped,
        "100k",
        "300k",
        f"{decisions:,} decisions, everything compared, all EXACT; peer {events:,} events",
    )


def _check(container: Container, decisions: int) -> None:
    report = container.decision_replay().run()
    if report.exact != decisions:
        raise AssertionError(report)


def _recompute(application: PlainApplication, plan_id: UUID) -> int:
    """Load a plan and compute its last levels again; return how many events that took."""
    plan: PlainPlan = application.repository.get(plan_id)
    again = plain_levels(float(plan.inputs["leverage"]), plan.inputs["volatility_factor"])
    if plan.levels and again.tp1 != plan.levels["tp1"]:
        raise AssertionError(f"{plan.symbol} drifted")
    return int(plan.version)


def _load_of_a_long_plan(folder: Path) -> Figure:
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100.5, "quantity": 2, "leverage": 20}
    source = [
        json.dumps(
            {"stream": "trade.intent", "stream_id": f"{n + 1}-0", "fields": {"payload": json.dumps(intent)}}
        ).encode()
        for n in range(REVISIONS)
    ]
    with opened(load_settings(store=f"sqlite:///{folder / 'long.db'}"), create=True) as container:
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
    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "peer-long.db")}
    application = PlainApplication(env)
    plan = PlainPlan(symbol="BTCUSDT")
    levels = plain_levels(20.0, 1.0)
    for _ in range(REVISIONS):
        plan.compute(side="BUY", inputs={"leverage": 20.0}, levels=vars(levels), triggers={"tp1": 1.0})
    application.save(plan)
    taken = best_of(5, lambda: application.repository.get(plan.id))
    application.close()
    return taken
