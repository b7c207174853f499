"""What every ledger promises, on every store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any
from uuid import UUID

import pytest

from exitbrain.application.ports.exit_ledger import (
    AlreadyReceived,
    Conflict,
    LogEntry,
    StoreUnavailable,
    UnreadableEvent,
)
from exitbrain.domain.events import Record
from exitbrain.domain.identity import claim_id, receipt_id
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.messages.claim import CLOSE_ORDER_ID, KeyClaimed
from exitbrain.domain.messages.receipt import MessageReceived, RawFields
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.positions.events import LeverageChanged, PositionOpened
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import Side, Whose, changed
from exitbrain.infrastructure.event_store.ledger import PAGE, StoredLedger
from exitbrain.infrastructure.event_store.mapper import MAPPER
from tests.replay.representative_events import COMPUTED, RECEIVED, RECORDED, REFUSED, STAMP

Opener = Callable[[], StoredLedger]


def opened(symbol: str = "BTCUSDT", previous: Position | None = None) -> Position:
    return Position.open(
        account="default",
        symbol=symbol,
        previous=previous,
        side=Side.LONG,
        leverage=20.0,
        entry_price=None,
        quantity=None,
        in_units=False,
        server=None,
        clock=None,
        stamp=STAMP,
    )


def closed(position: Position) -> Position:
    position.close(
        reason="tp1",
        exit_price=None,
        reported_pnl_percent=None,
        pnl_usd=None,
        order_id="",
        rule=Whose.OPEN_POSITION,
        reported=True,
        server=None,
        clock=None,
        assumptions=(),
        stamp=STAMP,
    )
    return position


def receipt(number: int, **fields: str) -> Record:
    entry_id = f"{1773500000000 + number}-0"
    event = changed(RECEIVED, entry_id=entry_id, fields=RawFields(fields, {}))
    return Record(receipt_id(event.source, entry_id, 1773500000000 + number), 1, event)


def save_cycles(ledger: StoredLedger, count: int, symbol: str = "BTCUSDT") -> Position:
    """Open and close round trips of one symbol; the last one stays open."""
    position = opened(symbol)
    for _ in range(count - 1):
        ledger.save(closed(position).collect())
        position = opened(symbol, previous=position)
    ledger.save(position.collect())
    return position


def state_of(aggregate: Any) -> dict[str, Any]:
    slots = [slot for cls in type(aggregate).__mro__ for slot in getattr(cls, "__slots__", ())]
    return {slot: getattr(aggregate, slot) for slot in slots}


def test_an_empty_ledger_knows_nothing(ledger: StoredLedger) -> None:
    assert ledger.is_empty()
    assert ledger.head() == 0
    assert list(ledger.log()) == []
    assert list(ledger.rows()) == []
    assert ledger.topics() == frozenset()
    assert ledger.latest_position("default", "BTCUSDT") is None
    assert ledger.position(UUID(int=1)) is None
    assert ledger.plan(UUID(int=1)) is None
    assert ledger.register().version == 0
    assert ledger.receipts([UUID(int=1)]) == {}
    assert ledger.receipts([]) == {}
    assert ledger.instrument("00") is None
    assert ledger.claimed([UUID(int=1)]) == {}
    assert ledger.claimed([]) == {}
    assert ledger.history(UUID(int=1)) == ()


def test_saving_nothing_changes_nothing(ledger: StoredLedger) -> None:
    assert ledger.save([]) == 0
    ledger.save([receipt(1)])
    assert ledger.save([]) == ledger.head()


def test_a_position_comes_back_as_it_was_with_nothing_pending(ledger: StoredLedger) -> None:
    position = opened()
    position.change_leverage(10.0, STAMP)
    ledger.save(position.collect())
    loaded = ledger.position(position.id)
    assert loaded is not None
    assert state_of(loaded) == state_of(position)
    assert (loaded.version, loaded.pending) == (2, [])


def test_a_plan_comes_back_with_its_revisions_and_takes_the_next(ledger: StoredLedger) -> None:
    position = opened()
    plan = ExitPlan.open(position, STAMP)
    plan.revise(COMPUTED)
    plan.revise(REFUSED)
    ledger.save([*position.collect(), *plan.collect()])
    loaded = ledger.plan(plan.id)
    assert loaded is not None
    assert state_of(loaded) == state_of(plan)
    assert (loaded.revision, loaded.harvest, loaded.pending) == (2, COMPUTED.harvest, [])
    loaded.revise(changed(COMPUTED, revision=3))
    ledger.save(loaded.collect())
    again = ledger.plan(plan.id)
    assert again is not None
    assert (again.version, again.revision) == (4, 3)


def test_the_register_comes_back_with_its_policies(ledger: StoredLedger) -> None:
    register = PolicyRegister()
    for policy in (V3_5, V3_6):
        register.register(policy, by="test", at=RECORDED)
    register.activate("v3.6", scope="BTCUSDT", by="test", at=RECORDED)
    ledger.save(register.collect())
    loaded = ledger.register()
    assert state_of(loaded) == state_of(register)
    assert loaded.in_force("BTCUSDT").policy == V3_6


def test_receipts_claims_and_instruments_are_found_by_their_ids(ledger: StoredLedger) -> None:
    instrument = Instrument("BTCUSDT", taker_fee_bps=4.5)
    claim = claim_id(CLOSE_ORDER_ID, "default", "BTCUSDT", "ord-1")
    first, second = receipt(1), receipt(2)
    ledger.save(
        [
            first,
            second,
            Record(
                claim, 1, KeyClaimed(CLOSE_ORDER_ID, "default", "BTCUSDT", "ord-1", None, first.stream_id)
            ),
            Record(id_of_snapshot(instrument), 1, InstrumentSnapshotTaken(instrument)),
        ]
    )
    wanted = [second.stream_id, UUID(int=1), first.stream_id]
    assert ledger.receipts(wanted) == {first.stream_id: first.event, second.stream_id: second.event}
    assert ledger.claimed([claim, UUID(int=1)]) == {
        claim: KeyClaimed(CLOSE_ORDER_ID, "default", "BTCUSDT", "ord-1", None, first.stream_id)
    }
    assert ledger.instrument(instrument.content_hash) == instrument


def test_more_receipts_than_one_statement_can_name_are_found(ledger: StoredLedger) -> None:
    records = [receipt(number) for number in range(1200)]
    ledger.save(records)
    found = ledger.receipts([record.stream_id for record in records] + [UUID(int=1)])
    assert found == {record.stream_id: record.event for record in records}


def test_the_history_of_a_stream_is_its_events_in_full_oldest_first(ledger: StoredLedger) -> None:
    position = opened()
    plan = ExitPlan.open(position, STAMP)
    plan.revise(COMPUTED)
    records = plan.collect()
    ledger.save([*position.collect(), *records])
    assert ledger.history(plan.id) == tuple(records)


def test_the_log_has_the_given_order_at_contiguous_positions(ledger: StoredLedger) -> None:
    position = opened()
    plan = ExitPlan.open(position, STAMP)
    plan.revise(COMPUTED)
    p, q = position.collect(), plan.collect()
    records = [receipt(1), q[0], p[0], receipt(2), q[1]]
    first = ledger.save([receipt(3)])
    last = ledger.save(records)
    log = list(ledger.log(after=first))
    assert [Record(entry.stream_id, entry.version, entry.event) for entry in log] == records
    assert [entry.position for entry in log] == list(range(last - 4, last + 1))
    assert ledger.head() == last


def test_a_batch_of_many_statements_keeps_its_order_and_positions(ledger: StoredLedger) -> None:
    records = [receipt(number) for number in range(2100)]
    last = ledger.save(records)
    rows = list(ledger.rows())
    assert [UUID(row[1]) for row in rows] == [record.stream_id for record in records]
    assert [row[0] for row in rows] == list(range(last - 2099, last + 1))


def test_a_conflict_on_one_stream_saves_nothing_of_the_others(ledger: StoredLedger) -> None:
    position = opened()
    ledger.save(position.collect())
    head = ledger.head()
    other = opened("ETHUSDT")
    late = [*other.collect(), receipt(1), Record(position.id, 1, LeverageChanged(20.0, 5.0, STAMP))]
    with pytest.raises(Conflict) as caught:
        ledger.save(late)
    assert type(caught.value) is Conflict
    assert ledger.head() == head
    assert ledger.position(other.id) is None
    assert ledger.receipts([late[1].stream_id]) == {}


def test_a_receipt_that_exists_is_named_and_nothing_is_saved(ledger: StoredLedger) -> None:
    ledger.save([receipt(2), receipt(3)])
    head = ledger.head()
    position = opened()
    with pytest.raises(AlreadyReceived) as caught:
        ledger.save([receipt(1), *position.collect(), receipt(2), receipt(3), receipt(4)])
    assert caught.value.receipt_ids == (receipt(2).stream_id, receipt(3).stream_id)
    assert ledger.head() == head
    assert ledger.position(position.id) is None


def test_a_ledger_goes_on_after_a_conflict(ledger: StoredLedger) -> None:
    ledger.save([receipt(1)])
    for _ in range(20):
        with pytest.raises(AlreadyReceived):
            ledger.save([receipt(1)])
    before = ledger.head()
    assert ledger.save([receipt(2)]) > before
    assert [entry.version for entry in ledger.log()] == [1, 1]


@pytest.mark.parametrize("versions", [(1, 3), (2, 1), (1, 1)])
def test_versions_of_a_stream_follow_each_other_within_a_batch(
    ledger: StoredLedger, versions: tuple[int, ...]
) -> None:
    event = opened().collect()[0].event
    with pytest.raises(ValueError, match="follows version"):
        ledger.save([Record(UUID(int=1), version, event) for version in versions])
    assert ledger.is_empty()


def test_a_hole_in_a_stream_is_not_folded_over(ledger: StoredLedger) -> None:
    position = opened()
    ledger.save(position.collect())
    ledger.save([Record(position.id, 3, LeverageChanged(20.0, 5.0, STAMP))])
    with pytest.raises(UnreadableEvent, match="version 3 follows version 1"):
        ledger.position(position.id)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
def test_the_latest_position_is_that_of_the_highest_cycle(open_another: Opener, count: int) -> None:
    writer = open_another()
    last = save_cycles(writer, count)
    save_cycles(writer, 2, "ETHUSDT")
    for ledger in (writer, open_another()):
        latest = ledger.latest_position("default", "BTCUSDT")
        assert latest is not None
        assert (latest.id, latest.cycle) == (last.id, count)
    assert writer.latest_position("other", "BTCUSDT") is None


def test_the_latest_position_follows_what_another_ledger_saves(open_another: Opener) -> None:
    writer, reader = open_another(), open_another()
    position = opened()
    for cycle in range(1, 6):
        records = position.collect()
        writer.save(records)
        latest = reader.latest_position("default", "BTCUSDT")
        assert latest is not None
        assert (latest.cycle, latest.is_open) == (cycle, True)
        writer.save(closed(position).collect())
        position = opened(previous=position)


def test_two_ledgers_on_one_store_see_each_other(open_another: Opener) -> None:
    one, other = open_another(), open_another()
    position = opened()
    one.save(position.collect())
    loaded = other.position(position.id)
    assert loaded is not None
    loaded.change_leverage(10.0, STAMP)
    other.save(loaded.collect())
    position.change_leverage(5.0, STAMP)
    with pytest.raises(Conflict):
        one.save(position.collect())
    assert [record.event for record in one.history(position.id)[1:]] == [LeverageChanged(20.0, 10.0, STAMP)]


def test_what_was_decided_on_an_empty_place_is_saved_only_while_it_is_empty(
    open_another: Opener,
) -> None:
    one, other = open_another(), open_another()
    position = opened()
    places = [(position.id, version) for version in (1, 2)]
    one.save([receipt(1)], absent=places)
    other.save([receipt(2), *position.collect()], absent=places)  # its own records do not count
    before = one.head()
    with pytest.raises(Conflict):
        one.save([receipt(3)], absent=places)
    assert one.head() == before
    assert one.save([receipt(3)], absent=places[1:]) > before


def test_any_number_of_places_may_have_to_be_empty(ledger: StoredLedger) -> None:
    position = opened()
    ledger.save(position.collect())
    places = [(receipt(number).stream_id, 1) for number in range(2000)]
    ledger.save([receipt(1)], absent=places)
    with pytest.raises(Conflict):
        ledger.save([receipt(2)], absent=[*places[2:], (position.id, 1)])


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 3])
def test_the_log_is_complete_over_its_pages(ledger: StoredLedger, count: int) -> None:
    ledger.save([receipt(number) for number in range(count)])
    entries = list(ledger.log())
    assert len(entries) == count
    assert [entry.position for entry in entries] == sorted({entry.position for entry in entries})
    assert [entry.stream_id for entry in entries] == [receipt(n).stream_id for n in range(count)]


def test_the_log_is_limited_by_position_and_topic(ledger: StoredLedger) -> None:
    for number in range(PAGE):
        position = opened(f"S{number}")
        ledger.save([receipt(number), *position.collect()])
    everything = list(ledger.log())
    assert len(everything) == 2 * PAGE
    after, upto = everything[10].position, everything[-20].position
    between = [entry for entry in everything if after < entry.position <= upto]

    def topics(entries: list[LogEntry], *classes: type) -> list[LogEntry]:
        return [entry for entry in entries if isinstance(entry.event, classes)]

    assert list(ledger.log(after, upto=upto)) == between
    assert list(ledger.log(topics=[PositionOpened.TOPIC])) == topics(everything, PositionOpened)
    assert list(ledger.log(after, upto=upto, topics=[MessageReceived.TOPIC])) == topics(
        between, MessageReceived
    )
    assert list(ledger.log(after, topics=[MessageReceived.TOPIC, PositionOpened.TOPIC])) == everything[11:]
    assert list(ledger.log(topics=["exitbrain.Unheard"])) == []
    assert list(ledger.log(everything[-1].position)) == []
    assert list(ledger.log(upto=0)) == []


def test_the_topics_are_those_that_occur(ledger: StoredLedger) -> None:
    ledger.save([receipt(1), receipt(2), *opened().collect()])
    assert ledger.topics() == {MessageReceived.TOPIC, PositionOpened.TOPIC}


def test_a_log_being_read_sees_what_is_saved_meanwhile(ledger: StoredLedger) -> None:
    ledger.save([receipt(number) for number in range(PAGE)])
    log = ledger.log()
    first = next(log)
    ledger.save([receipt(PAGE)])
    rest = list(log)
    assert len([first, *rest]) == PAGE + 1


def test_rows_are_the_log_as_it_is_stored(ledger: StoredLedger) -> None:
    plan = ExitPlan.open(opened(), STAMP)
    plan.revise(COMPUTED)
    records = [receipt(1), *plan.collect()]
    last = ledger.save(records)
    stored = [MAPPER.to_stored_event(record) for record in records]
    assert list(ledger.rows()) == [
        (last - 2 + index, record.stream_id.hex, record.version, event.topic, event.state)
        for index, (record, event) in enumerate(zip(records, stored, strict=True))
    ]
    assert [row[2] for row in ledger.rows(topics=[COMPUTED.TOPIC])] == [2]
    assert [row[0] for row in ledger.rows(last - 2, upto=last - 1)] == [last - 1]


def test_every_text_survives_unchanged(ledger: StoredLedger) -> None:
    texts = {
        "nul": "a\x00b",
        "quotes": "\"'\\",
        "control": "\x01\x1f\x7f\x85\u2028",
        "wide": "\U0001f4c8 ü Ω",
    }
    record = receipt(1, **texts)
    ledger.save([record])
    assert next(ledger.log()).event == record.event
    assert ledger.receipts([record.stream_id])[record.stream_id].fields.values == texts


def test_what_was_saved_does_not_change_with_the_object_it_came_from(ledger: StoredLedger) -> None:
    values = {"symbol": "BTCUSDT"}
    record = receipt(1, **values)
    assert isinstance(record.event, MessageReceived)
    ledger.save([record])
    record.event.fields.values["symbol"] = "changed"
    found = ledger.receipts([record.stream_id])[record.stream_id]
    assert found != record.event
    found.fields.values["symbol"] = "changed too"
    assert ledger.receipts([record.stream_id])[record.stream_id].fields.values == values


@pytest.mark.parametrize(("events", "size"), [(1, 5_000_000), (40, 125_000), (2000, 2_500)])
def test_a_batch_of_five_megabytes_is_saved(ledger: StoredLedger, events: int, size: int) -> None:
    records = [receipt(number, blob="x" * size) for number in range(events)]
    ledger.save(records)
    assert sum(len(row[4]) for row in ledger.rows()) > 5_000_000
    assert [entry.event for entry in ledger.log()] == [record.event for record in records]


def test_of_two_writers_at_the_same_version_one_gets_a_conflict_and_leaves_nothing(
    open_another: Opener,
) -> None:
    ledgers = (open_another(), open_another())
    rounds = 20
    for number in range(rounds):
        start = Barrier(2)

        def attempt(writer: int, number: int = number, start: Barrier = start) -> bool:
            mine = receipt(2 * number + writer)
            start.wait()
            try:
                ledgers[writer].save([mine, *opened(f"S{number}").collect()])
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(attempt, (0, 1)))
        assert sorted(outcomes) == [False, True]
        winner = outcomes.index(True)
        received = [receipt(2 * number + writer).stream_id for writer in (0, 1)]
        assert set(ledgers[0].receipts(received)) == {received[winner]}
    assert len(list(ledgers[0].log())) == 2 * rounds


def test_one_who_follows_the_log_while_others_write_misses_nothing(open_another: Opener) -> None:
    writers = (open_another(), open_another())
    reader = open_another()
    done = Event()

    def write(writer: int) -> None:
        for number in range(60):
            ledger_number = 1000 * writer + 3 * number
            writers[writer].save([receipt(ledger_number + part) for part in range(3)])

    def follow() -> list[int]:
        seen: list[int] = []
        finished = False
        while not finished:
            finished = done.is_set()  # and then once more
            seen += [row[0] for row in reader.rows(seen[-1] if seen else 0)]
        return seen

    with ThreadPoolExecutor(3) as threads:
        following = threads.submit(follow)
        for writing in [threads.submit(write, writer) for writer in (0, 1)]:
            writing.result()
        done.set()
        seen = following.result()
    assert seen == [row[0] for row in reader.rows()]
    assert len(seen) == 2 * 60 * 3


def test_a_closed_ledger_can_be_closed_again(open_another: Opener) -> None:
    ledger = open_another()
    ledger.save([receipt(1)])
    ledger.close()
    ledger.close()
    assert open_another().head() == 1


@pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)
def test_a_closed_store_is_unavailable(open_another: Opener) -> None:
    ledger = open_another()
    ledger.close()
    with pytest.raises(StoreUnavailable):
        ledger.head()
    with pytest.raises(StoreUnavailable):
        ledger.save([receipt(1)])
