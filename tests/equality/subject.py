"""All that the pins touch of the product: what moves or is renamed is changed here and nowhere else."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
import typer

from exitbrain import Policy, decode_event, encode_event, incoming_message
from exitbrain.domain.events import Record
from exitbrain.domain.simulation.candle import (
    Candle,
    CandleSeries,
    FundingRate,
    Market,
    PriceKind,
    Trade,
    TradeSeries,
)
from exitbrain.domain.simulation.exit_setup import (
    Costs,
    ExitSetup,
    ExternalClose,
    LiquidationPrices,
    Rules,
    TpExecution,
    Trailing,
)
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds, History
from exitbrain.domain.simulation.plan import Increased, Plan, Reduced, Relevelled
from exitbrain.domain.simulation.tick import Tick
from exitbrain.domain.simulation.walker import walk_both, walk_plan
from exitbrain.domain.values import Origin, Side
from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.cli.results import schemas as report_schemas
from exitbrain.infrastructure.demo import synthetic
from exitbrain.infrastructure.demo.candles import synthetic_candles, write_candles
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.wire.published_shapes import schemas as stream_schemas
from tests.integration.test_redis_errors import ROWS, WRITING
from tests.names import PUBLISHED
from tests.replay.representative_events import SAMPLES
from tests.streams_in_memory.streams import InMemoryStreams
from tests.unit.live.publishing_world import PublishingProcess
from tests.world import SERVER, World

__all__ = [
    "PUBLISHED",
    "SAMPLES",
    "UNUSABLE_REDIS",
    "Candle",
    "CandleSeries",
    "Costs",
    "ExitSetup",
    "ExternalClose",
    "FundingRate",
    "Increased",
    "LiquidationPrices",
    "Market",
    "Plan",
    "PriceKind",
    "Reduced",
    "Relevelled",
    "Rules",
    "Side",
    "Tick",
    "TpExecution",
    "Trade",
    "TradeSeries",
    "Trailing",
    "World",
    "report_schemas",
    "run",
    "stream_schemas",
    "synthetic",
    "synthetic_candles",
    "write_candles",
]

UNUSABLE_REDIS = [*ROWS, *WRITING]
"""What can be wrong with a Redis: the row of the table in docs/cli.md, a place with such a server, and what is said."""

Doubles = tuple[Any, ...]
_SAMPLED = UUID(int=7)


def leaf_commands() -> dict[str, bool]:
    """Return every command of the command line, and whether it takes `--json`."""
    found: dict[str, bool] = {}

    def collect(name: str, command: Any) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[name] = any("--json" in option.opts for option in command.params)
        for word, each in (inner or {}).items():
            collect(f"{name} {word}".strip(), each)

    collect("", typer.main.get_command(app))
    return found


@contextmanager
def store_at(file: Path, policy: str, instruments: Path | None, at: datetime) -> Iterator[World]:
    """Begin an SQLite store with a fixed id and a clock that stands still, and close it at the end."""
    ledger = open_ledger(f"sqlite:///{file}", create=True)
    known = None if instruments is None else InstrumentsFile(instruments)
    try:
        yield World(policy=policy, ledger=ledger, instruments=known, at=at)
    finally:
        ledger.close()


def take(
    world: World, stream: str, entry_id: str | None, fields: Mapping[str, object], *, live: bool
) -> None:
    """Record one message, from a stream of one server or from a file."""
    message = incoming_message(
        stream,
        fields,
        entry_id=entry_id,
        origin=Origin.LIVE if live else Origin.IMPORT,
        server=SERVER if live else None,
    )
    world.recorder.handle(message)


def variant(name: str, of: str, world: World, **parameters: float) -> Policy:
    """Return a policy of the store under another name, with other values of some parameters."""
    base = world.ledger.register().named(of).policy
    return Policy(name, base.formula, base.unit, {**base.parameters, **parameters}, base.ignores)


class Publication:
    """What is published of a store from its beginning on."""

    def __init__(self, world: World) -> None:
        self._streams = InMemoryStreams(lambda: 0)
        self._process = PublishingProcess(world, self._streams)
        self.publish()

    def publish(self) -> None:
        """Publish what was not published yet."""
        asyncio.run(self._process.publish())

    def begin_again(self) -> None:
        """Begin every stream at the end of the log, under another epoch."""
        asyncio.run(self._process.begin_here())
        self.publish()

    def entries(self, stream: str) -> list[dict[str, str]]:
        """Return the fields of every entry of a stream."""
        return [fields for _, fields in self._streams.entries(stream)]


def redis_at(url: str) -> Any:
    """Return a client of a Redis that was emptied."""
    client = redis.Redis.from_url(url, decode_responses=True)
    client.flushdb()
    return client


def read_and_written_again(topic: str, state: bytes) -> bytes:
    """Return what is stored of the event that was read from a state."""
    event = decode_event(topic, state, log_position=1)
    return encode_event(Record(_SAMPLED, 1, event))[1]


def content_hash(topic: str, state: bytes) -> str:
    """Return the content hash of a stored snapshot of an instrument."""
    event: Any = decode_event(topic, state, log_position=1)
    found: str = event.instrument.content_hash
    return found


def walked(plan: Plan, market: Market) -> Doubles:
    """Return all that a walk of a plan found, doubles to the bit; without a change the walk of a position finds it too."""
    found = _walk(walk_plan(plan, market))
    assert plan.changes or _walk(simulate_exits(plan.setup, market)) == found
    return found


def walked_under_both(baseline: Plan, candidate: Plan, market: Market) -> Doubles:
    """Return all that a walk under two policies found, doubles to the bit."""
    found = walk_both(baseline, candidate, market)
    pairs = [_history(one) for one in (*found.lowest, *found.highest)]
    return (*pairs, found.lower.hex(), found.upper.hex(), found.ambiguous, found.last_end_ms)


def _walk(found: ExitBounds) -> Doubles:
    return (
        _history(found.pessimistic),
        _history(found.optimistic),
        found.ambiguous,
        found.ambiguous_candles,
        found.refined_candles,
        found.unrefined_candles,
        found.first_candle_ms,
        found.entry_off_market,
        found.mark_assumed,
        found.wrong_kind,
        found.holes,
    )


def _history(history: History) -> Doubles:
    sums = (
        history.gross,
        history.entry_fee,
        history.exit_fees,
        history.slippage,
        history.funding,
        history.net,
    )
    legs = [
        (
            leg.level.value,
            leg.fraction.hex(),
            leg.price.hex(),
            leg.at_ms,
            leg.refined,
            _hex(leg.traded),
            _hex(leg.overshoot),
        )
        for leg in history.legs
    ]
    return (legs, [number.hex() for number in sums], history.holes, history.is_open)


def _hex(number: float | None) -> str | None:
    return None if number is None else number.hex()
