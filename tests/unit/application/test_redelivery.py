"""A message that comes again has the outcome of the first time, with its decision and levels, marked as a duplicate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.application.recording.originals import KEPT
from exitbrain.domain.events import Record
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.exit_plan import LevelsRefused
from exitbrain.domain.values import Origin, changed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.property.any_messages import SomeInstruments
from tests.world import MAX_BYTES, NOON_MS, World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


class CountingLedger(InMemoryLedger):
    """Count how often the history of a stream is read."""

    def __init__(self) -> None:
        super().__init__()
        self.histories = 0

    def history(self, stream_id: UUID) -> tuple[Record, ...]:
        self.histories += 1
        return super().history(stream_id)


def story(world: World) -> list[IncomingMessage]:
    """Return messages that do everything a message can do, in their order."""

    def intent(**changes: Any) -> IncomingMessage:
        return world.message("trade.intent", LONG | changes)

    def entry(stream: str, entry_id: str | None, **fields: str) -> IncomingMessage:
        return from_fields(stream, entry_id, fields, origin=Origin.LIVE, max_bytes=MAX_BYTES)

    late = {"symbol": "BTCUSDT", "pnl_percent": "1.5", "order_id": "8000357"}
    return [
        intent(atr_value="wide", funding_rate="nan"),  # with what cannot be used
        intent(entry_price=110, leverage=20),
        intent(side="SELL", entry_price=104),  # a flip touches two positions
        intent(side="BUY", reduce_only=True, quantity=1),
        entry("trade.closed", None, **late, timestamp="2026-01-01T12:30:00+00:00"),
        entry("trade.closed", None, **late, timestamp="2026-01-01T12:31:00+00:00"),  # the close again
        intent(symbol="AUSDT", leverage=125, quantity=100),  # refused levels
        intent(symbol="ETHUSDT"),
        intent(symbol="ETHUSDT", side="CLOSE"),
        intent(symbol="ETHUSDT", side="CLOSE"),  # ends nothing
        entry("trade.closed", None, symbol="ETHUSDT", pnl_percent="2"),  # reports the end of an earlier cycle
        intent(side="HOLD"),
        intent(leverage=400),
        intent(side="SELL", reduce_only="maybe"),  # a refused exit
        entry("trade.rumour", "1-0", symbol="BTCUSDT"),
        entry("book.close", None, symbol="AUSDT", why="closed by hand", by="ann"),
        world.message(
            "trade.intent", LONG | {"symbol": "SOLUSDT"}, f"{NOON_MS + 1}-0"
        ),  # under an id used before
    ]


def check_originals(first: Sequence[MessageResult], again: Sequence[MessageResult]) -> None:
    assert [one.duplicate for one in again] == [True] * len(first)
    assert list(again) == [changed(one, duplicate=True) for one in first]
    assert [one.levels for one in again] == [one.levels for one in first]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_a_redelivery_has_the_original_outcome_after_a_restart_too(together: bool) -> None:
    world = World(policy="v3.6", instruments=SomeInstruments())
    messages = story(world)
    first = world.recorder.handle_batch(messages)
    head = world.ledger.head()

    for recorder in (world.recorder, world.another_recorder()):
        again = (
            recorder.handle_batch(messages)
            if together
            else [recorder.handle(message) for message in messages]
        )
        check_originals(first, again)
    assert world.ledger.head() == head

    decided = [one.levels for one in first if one.levels is not None]
    assert len(decided) == 6
    assert any(isinstance(levels, LevelsRefused) for levels in decided)
    assert max(len(one.touched) for one in first) == 4
    assert {one.disposition for one in first} == set(Disposition)
    assert len([one for one in first if one.ignored_exit is not None]) >= 4
    assert set(first[0].unusable) == {"atr_value", "funding_rate"}
    assert (first[10].disposition, len(first[10].touched)) == (Disposition.IGNORED, 1)
    assert first[-1].entry_id.startswith(f"{NOON_MS + 1}-0#")


def test_a_message_twice_in_one_batch_has_the_same_outcome_twice() -> None:
    world = World(policy="v3.6", instruments=SomeInstruments())
    outcomes = world.recorder.handle_batch([one for one in story(world) for _ in range(2)])

    check_originals(outcomes[::2], outcomes[1::2])


def test_the_original_outcome_can_be_asked_for_without_recording_anything() -> None:
    world = World()
    first, reused = world.message("trade.intent", LONG), world.message("trade.intent", LONG | {"leverage": 5})
    assert world.recorder.outcome_of(first) is None
    outcome = world.recorder.handle(first)
    other = changed(reused, entry_id=first.entry_id, stream_id=first.stream_id)
    assert world.recorder.outcome_of(other) is None
    head = world.ledger.head()

    found = world.another_recorder().outcome_of(first)
    assert found is not None
    check_originals([outcome], [found])
    assert world.ledger.head() == head

    kept_apart = world.recorder.handle(other)
    found = world.recorder.outcome_of(other)
    assert found is not None
    check_originals([kept_apart], [found])


def test_what_a_plan_went_on_to_is_found_too() -> None:
    world = World()
    reader = World(ledger=world.ledger)
    for leverage in (10, 20, 30):
        message = world.message("trade.intent", LONG | {"leverage": leverage})
        check_originals([world.recorder.handle(message)], [reader.recorder.handle(message)])


def test_redeliveries_read_the_history_of_a_plan_once() -> None:
    ledger = CountingLedger()
    world = World(ledger=ledger)
    messages = [
        world.message("trade.intent", LONG | {"leverage": 1 + number % 100, "reduce_only": number % 3 == 2})
        for number in range(60)
    ]
    first = world.recorder.handle_batch(messages)
    recorder = world.another_recorder()
    ledger.histories = 0

    check_originals(first, [recorder.handle(message) for message in messages])

    assert ledger.histories == 1


def test_what_is_kept_of_plans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KEPT == 20_000
    monkeypatch.setattr("exitbrain.application.recording.originals.KEPT", 4)
    ledger = CountingLedger()
    world = World(ledger=ledger)
    messages = [world.message("trade.intent", LONG | {"symbol": f"S{number}USDT"}) for number in range(9)]
    first = world.recorder.handle_batch(messages)
    ledger.histories = 0

    for _ in range(2):
        check_originals(first, [world.recorder.handle(message) for message in messages])

    assert ledger.histories == 18


def test_a_redelivery_counts_as_a_duplicate_and_as_nothing_else() -> None:
    world = World(policy="v3.6", instruments=SomeInstruments())
    messages = story(world)
    summary = IngestSummary()
    summary.count(world.recorder.handle_batch(messages))
    before = replace(summary, refusals=[])
    summary.count(world.recorder.handle_batch(messages))

    again = len(messages)
    assert before.decisions == 6
    assert replace(summary, refusals=[]) == replace(before, read=2 * again, duplicate=again)
