"""The recorder: once per message, batches, other writers, the PnL window."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from exitbrain.application.ports.exit_ledger import Conflict, LogEntry, StoreUnavailable
from exitbrain.application.recording.ingest_summary import IngestSummary
from exitbrain.application.recording.recorder import ATTEMPTS
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.positions.events import PositionOpened
from exitbrain.domain.positions.position import BOTH, Position
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from tests.world import NOON_MS, World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


def test_a_message_is_recorded_once_however_often_it_comes() -> None:
    world = World()
    message = world.message("trade.intent", LONG)
    first, again = world.recorder.handle(message), world.recorder.handle(message)
    assert not first.duplicate
    assert again.duplicate
    assert (again.receipt_id, again.disposition, again.touched) == (
        first.receipt_id,
        first.disposition,
        first.touched,
    )
    assert len([e for e in world.ledger.log() if isinstance(e.event, PositionOpened)]) == 1


def test_a_message_twice_in_one_batch_is_recorded_once() -> None:
    world = World()
    message = world.message("trade.intent", LONG)
    outcomes = world.recorder.handle_batch([message, message])
    assert [outcome.duplicate for outcome in outcomes] == [False, True]


def test_another_message_under_a_used_entry_id_is_not_lost() -> None:
    world = World()
    world.intent(**LONG, entry_id=f"{NOON_MS}-0")
    other = world.message("trade.intent", {**LONG, "symbol": "ETHUSDT"}, f"{NOON_MS}-0")
    outcome = world.recorder.handle(other)
    assert outcome.disposition is Disposition.ACCEPTED
    assert outcome.entry_id.startswith(f"{NOON_MS}-0#")
    assert world.recorder.handle(other).duplicate
    world.check_every_replay_is_exact()


def test_a_batch_decides_on_its_own_uncommitted_state_as_single_messages_would() -> None:
    payloads = [
        LONG,
        {**LONG, "entry_price": 110},
        {**LONG, "side": "SELL", "entry_price": 104},
        {"symbol": "BTCUSDT", "side": "CLOSE", "price": 90},
        {**LONG, "leverage": 25},
    ]
    together, one_by_one = World(), World()
    batch = together.recorder.handle_batch([together.message("trade.intent", p) for p in payloads])
    singles = [one_by_one.intent(**p) for p in payloads]
    for a, b in zip(batch, singles, strict=True):
        assert (a.receipt_id, a.touched, a.decision) == (b.receipt_id, b.touched, b.decision)
        if a.decision is not None:
            assert together.decision_of(a).inputs == one_by_one.decision_of(b).inputs
            assert together.decision_of(a).levels == one_by_one.decision_of(b).levels
    together.check_every_replay_is_exact()


def test_two_workers_on_one_symbol_never_double_an_effect() -> None:
    world = World()
    other = world.another_recorder()
    for number in range(20):
        message = world.message("trade.intent", {**LONG, "side": "BUY" if number % 3 else "SELL"})
        worker = (world.recorder, other)[number % 2]
        assert worker.handle(message).disposition is Disposition.ACCEPTED
    world.check_every_replay_is_exact()
    assert world.intake_replay().receipts == 20


def test_a_batch_that_meets_another_writer_is_decided_again() -> None:
    world = World()
    other = world.another_recorder()
    world.intent(**LONG)
    other.handle(world.message("trade.intent", LONG))
    stale = [world.message("trade.intent", {**LONG, "symbol": s}) for s in ("ETHUSDT", "BTCUSDT", "SOLUSDT")]
    outcomes = world.recorder.handle_batch(stale)
    assert [outcome.disposition for outcome in outcomes] == [Disposition.ACCEPTED] * 3
    world.check_every_replay_is_exact()


def test_a_close_is_not_ignored_because_of_a_stale_memory() -> None:
    world = World()
    other = world.another_recorder()
    assert (
        other.handle(world.message("trade.closed", {"symbol": "BTCUSDT"})).reason is Reason.NO_OPEN_POSITION
    )
    world.intent(**LONG)
    assert (
        other.handle(world.message("trade.closed", {"symbol": "BTCUSDT"})).disposition is Disposition.ACCEPTED
    )


class FasterMeanwhile(InMemoryLedger):
    """A ledger on which somebody else saves something just before the next save."""

    meanwhile: Callable[[], object] | None = None
    saves = 0

    def save(self, records, *, absent=()):  # type: ignore[no-untyped-def]  # as the ledger's
        self.saves += 1
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return super().save(records, absent=absent)


def test_a_close_is_not_ignored_because_its_position_was_opened_between_decision_and_save() -> None:
    ledger = FasterMeanwhile()
    world = World(ledger=ledger)
    other = world.another_recorder()
    opening, close = world.message("trade.intent", LONG), world.message("trade.closed", {"symbol": "BTCUSDT"})
    ledger.meanwhile = lambda: other.handle(opening)
    assert world.recorder.handle(close).disposition is Disposition.ACCEPTED
    assert world.recorder.conflicts == 1
    world.check_every_replay_is_exact()


def test_what_a_message_is_ignored_for_is_still_so_when_it_is_saved() -> None:
    ledger = FasterMeanwhile()
    world = World(ledger=ledger)
    other = world.another_recorder()
    world.intent(**LONG)
    late = world.message("trade.closed", {"symbol": "BTCUSDT"}, f"{NOON_MS - 1}-0")
    close = world.message("trade.closed", {"symbol": "BTCUSDT"})
    ledger.meanwhile = lambda: other.handle(close)
    assert world.recorder.handle(late).reason is Reason.NO_OPEN_POSITION
    assert world.recorder.conflicts == 1
    world.check_every_replay_is_exact()


class CountedReads(InMemoryLedger):
    """A ledger that counts how often a position was read."""

    reads = 0

    def latest_position(self, account: str, symbol: str, position_side: str = BOTH) -> Position | None:
        self.reads += 1
        return super().latest_position(account, symbol, position_side)


def test_a_batch_of_messages_that_do_nothing_reads_their_position_twice_and_not_for_each() -> None:
    ledger = CountedReads()
    world = World(ledger=ledger)
    closes = [world.message("trade.closed", {"symbol": "BTCUSDT", "order_id": n}) for n in range(50)]
    outcomes = world.recorder.handle_batch(closes)
    assert {outcome.reason for outcome in outcomes} == {Reason.NO_OPEN_POSITION}
    assert ledger.reads == 2


class EndedMeanwhile(InMemoryLedger):
    """A ledger on which somebody else does something between the reads of a position and of its plan."""

    meanwhile: Callable[[], object] | None = None

    def plan(self, plan_id: UUID) -> ExitPlan | None:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return super().plan(plan_id)


@pytest.mark.parametrize("then", [{"side": "CLOSE"}, {"side": "SELL", "leverage": 5}])
def test_a_position_ended_by_another_writer_before_its_plan_is_read_confuses_nobody(
    then: dict[str, Any],
) -> None:
    ledger = EndedMeanwhile()
    world = World(ledger=ledger)
    world.intent(**LONG)
    worker, other = world.another_recorder(), world.another_recorder()
    first = world.message("trade.intent", {"symbol": "BTCUSDT", **then})
    close = world.message("trade.closed", {"symbol": "BTCUSDT"})
    ledger.meanwhile = lambda: other.handle(first)
    assert worker.handle(close).reason is Reason.EARLIER_CYCLE
    world.check_every_replay_is_exact()


def test_a_batch_does_not_stand_in_its_own_way() -> None:
    world = World()
    close = world.message("trade.closed", {"symbol": "BTCUSDT"})
    outcomes = world.recorder.handle_batch([close, world.message("trade.intent", LONG)])
    assert [outcome.disposition for outcome in outcomes] == [Disposition.IGNORED, Disposition.ACCEPTED]
    assert world.recorder.conflicts == 0


def test_a_batch_that_meets_another_writer_once_is_saved_as_a_whole_the_second_time() -> None:
    ledger = FasterMeanwhile()
    world = World(ledger=ledger)
    other = world.another_recorder()
    batch = [world.message("trade.intent", {**LONG, "symbol": s}) for s in ("ETHUSDT", "BTCUSDT", "SOLUSDT")]
    first = world.message("trade.intent", {**LONG, "symbol": "BTCUSDT"}, f"{NOON_MS - 1}-0")
    ledger.saves = 0
    ledger.meanwhile = lambda: other.handle(first)
    outcomes = world.recorder.handle_batch(batch)
    assert [outcome.disposition for outcome in outcomes] == [Disposition.ACCEPTED] * 3
    assert ledger.saves == 3  # the other writer's, the one in vain, the one of the whole batch
    world.check_every_replay_is_exact()


class BusyLedger(InMemoryLedger):
    """A ledger on which only small batches are done before others have written."""

    largest = 1000
    saves = 0

    def save(self, records, *, absent=()):  # type: ignore[no-untyped-def]  # as the ledger's
        self.saves += 1
        if sum(isinstance(record.event, MessageReceived) for record in records) > self.largest:
            raise Conflict("somebody was faster")
        return super().save(records, absent=absent)


def test_a_batch_among_busy_writers_is_halved_until_its_parts_are_saved() -> None:
    ledger = BusyLedger()
    world = World(ledger=ledger)
    ledger.largest, ledger.saves = 8, 0
    batch = [world.message("trade.intent", {**LONG, "symbol": f"S{n % 5}USDT"}) for n in range(32)]
    outcomes = world.recorder.handle_batch(batch)
    assert [outcome.entry_id for outcome in outcomes] == [message.entry_id for message in batch]
    assert all(outcome.disposition is Disposition.ACCEPTED for outcome in outcomes)
    assert ledger.saves == 2 + 2 * 2 + 4  # 32 and 16 in vain, twice each; four times 8
    world.check_every_replay_is_exact()


class ReadLog(FasterMeanwhile):
    """A ledger that knows from where its log was read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_after: list[int] = []

    def log(self, after=0, **limits):  # type: ignore[no-untyped-def]  # as the ledger's
        self.read_after.append(after)
        return super().log(after, **limits)


def test_a_conflict_does_not_make_the_log_be_read_again_from_its_beginning() -> None:
    ledger = ReadLog()
    world = World(ledger=ledger)
    other = world.another_recorder()
    world.intent(**LONG)
    intents = [world.message("trade.intent", LONG) for _ in range(2)]
    ledger.read_after.clear()
    ledger.meanwhile = lambda: other.handle(intents[0])
    world.recorder.handle(intents[1])
    assert world.recorder.conflicts == 1
    assert ledger.read_after.count(0) == 1  # by the other recorder, for the first time


class AlwaysLate(InMemoryLedger):
    """A ledger on which somebody else is always faster."""

    late = False

    def save(self, records, *, absent=()):  # type: ignore[no-untyped-def]  # as the ledger's
        if self.late:
            raise Conflict("somebody was faster")
        return super().save(records, absent=absent)


def test_a_conflict_that_never_ends_is_raised_and_not_hidden() -> None:
    ledger = AlwaysLate()
    world = World(ledger=ledger)
    ledger.late = True
    with pytest.raises(Conflict):
        world.intent(**LONG)
    assert ATTEMPTS > 1


def test_the_window_holds_the_last_20_results_of_the_account() -> None:
    world = World()
    for number in range(25):
        symbol = f"S{number}USDT"
        world.intent(**{**LONG, "symbol": symbol})
        world.closed(symbol=symbol, pnl_percent=number)
    decision = world.decision_of(world.intent(**LONG))
    assert decision.context.window.trades == 20
    assert decision.inputs.average_pnl == sum(range(5, 25)) / 20
    elsewhere = world.decision_of(world.intent(**LONG, account="other"))
    assert elsewhere.context.window.trades == 0
    world.check_every_replay_is_exact()


class BreaksOff(InMemoryLedger):
    """A ledger whose log breaks off once, after a number of entries."""

    after: int | None = None

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        for number, entry in enumerate(super().log(after, upto=upto, topics=topics)):
            if number == self.after:
                self.after = None
                raise StoreUnavailable("the log broke off")
            yield entry


def test_a_result_read_before_the_log_broke_off_does_not_count_twice() -> None:
    ledger = BreaksOff()
    world = World(ledger=ledger)
    for number in range(5):
        world.intent(**{**LONG, "symbol": f"S{number}USDT"})
        world.closed(symbol=f"S{number}USDT", pnl_percent=number)
    other = world.another_recorder()
    ledger.after = 7
    message = world.message("trade.intent", LONG)
    with pytest.raises(StoreUnavailable):
        other.handle(message)
    assert world.decision_of(other.handle(message)).context.window.trades == 5
    world.check_every_replay_is_exact()


def test_results_of_one_batch_count_for_its_later_decisions() -> None:
    world = World()
    messages = []
    for number in range(30):
        symbol = f"S{number}USDT"
        messages.append(world.message("trade.intent", {**LONG, "symbol": symbol}))
        messages.append(world.message("trade.closed", {"symbol": symbol, "pnl_percent": number}))
    outcomes = world.recorder.handle_batch(messages)
    decisions = [world.decision_of(outcome) for outcome in outcomes if outcome.decision is not None]
    assert [d.context.window.trades for d in decisions] == [*range(20), *[20] * 10]
    assert decisions[-1].inputs.average_pnl == sum(range(9, 29)) / 20
    world.check_every_replay_is_exact()


def test_a_given_time_of_recording_beats_the_clock() -> None:
    world = World()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    outcome = world.recorder.handle(world.message("trade.intent", LONG), at=at)
    assert world.decision_of(outcome).context.recorded_at == at


def test_the_summary_adds_up() -> None:
    world = World()
    message = world.message("trade.intent", LONG)
    messages = [
        message,
        message,
        world.message("trade.intent", {}),
        world.message("trade.intent", {**LONG, "side": "HOLD"}),
    ]
    summary = IngestSummary()
    summary.count(world.recorder.handle_batch(messages))
    assert (summary.read, summary.accepted, summary.ignored, summary.refused, summary.duplicate) == (
        4,
        1,
        1,
        1,
        1,
    )
    assert summary.decisions == 1
    assert len(summary.refusals) == 1
