"""What the index finds is what a reading of the whole log finds, also when it was built in pieces or killed."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain.application.ports.index import DecisionPlace, DecisionsWanted, ReceiptPlace, ReceiptsWanted
from exitbrain.application.queries import lookup
from exitbrain.application.queries.lookup import NotFound
from exitbrain.application.queries.wanted_decision import FoundDecision, SeveralFit, decision_meant
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionOpened, PositionReduced
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.index.sqlite_index import SQLiteIndex
from tests import scanned_decision
from tests import scanned_lookups as scan
from tests.property.any_messages import Drawn, SomeInstruments, message_of, messages
from tests.world import World

T = TypeVar("T")

histories = st.lists(messages, min_size=1, max_size=30)


def recorded(drawn: list[Drawn], policy: str = "v3.5") -> InMemoryLedger:
    ledger = InMemoryLedger()
    recorder = World(policy=policy, ledger=ledger, instruments=SomeInstruments()).recorder
    recorder.handle_batch([message_of(number, one) for number, one in enumerate(drawn)])
    return ledger


@contextmanager
def indexed(ledger: InMemoryLedger, *, in_file: bool = False, page: int = 7) -> Iterator[SQLiteIndex]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "i.index") if in_file else None
        with closing(SQLiteIndex(ledger, path, page=page)) as index:
            index.catch_up()
            assert index.note is None
            yield index


def said(ask: Callable[[], T]) -> T | str:
    try:
        return ask()
    except ExitBrainError as error:
        return f"{type(error).__name__}: {error}"


def comparable(found: list[lookup.FoundPosition]) -> list[tuple[object, ...]]:
    return [(one.position.id, one.position.version, one.closed, one.reported, one.decision) for one in found]


def without_versions(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [(id_, *rest) for id_, _, *rest in rows]


@given(drawn=histories, in_file=st.booleans(), symbol=st.sampled_from([None, "BTCUSDT", "ETHUSDT", "NONE"]))
def test_positions_are_those_of_the_log(drawn: list[Drawn], in_file: bool, symbol: str | None) -> None:
    ledger = recorded(drawn)
    with indexed(ledger, in_file=in_file) as index:
        for closed in (False, True):
            ours = comparable(lookup.positions(ledger, index, closed=closed, symbol=symbol))
            theirs = comparable(scan.positions(ledger, closed=closed, symbol=symbol))
            assert without_versions(ours) == without_versions(theirs)
        ids = [place.position_id for place in index.all_positions(symbol=symbol)]
        by_stream = comparable(lookup.read_by_stream(ledger, index, ids))
        assert by_stream == comparable(lookup.read_from_log(ledger, ids)) == ours


@given(drawn=histories)
def test_positions_open_at_every_log_position_are_those_of_the_log(drawn: list[Drawn]) -> None:
    ledger = recorded(drawn)
    still: dict[UUID, int] = {}
    with indexed(ledger) as index:
        for entry in ledger.log():
            if isinstance(entry.event, PositionOpened):
                still[entry.stream_id] = entry.position
            elif isinstance(entry.event, PositionClosed):
                del still[entry.stream_id]
            found = index.open_positions(at=entry.position)
            assert [(one.position_id, one.opened) for one in found] == list(still.items())


@given(drawn=histories, length=st.integers(0, 33), upper=st.booleans())
def test_ids_and_their_beginnings_find_what_they_find_in_the_log(
    drawn: list[Drawn], length: int, upper: bool
) -> None:
    ledger = recorded(drawn)
    with indexed(ledger) as index:
        for entry in list(ledger.log()):
            wanted = entry.stream_id.hex[:length] + "0" * max(0, length - 32)
            names = [wanted.upper() if upper else wanted]
            if isinstance(entry.event, MessageReceived):
                names.append(entry.event.entry_id[: length or None])
            if isinstance(entry.event, LevelsComputed | LevelsRefused):
                names.append(decision_id(entry.stream_id, entry.event.revision).hex[:length])
            for name in names:
                assert said(lambda: flat(lookup.plan_history(ledger, index, name))) == said(  # noqa: B023
                    lambda: flat(scan.plan_history(ledger, name))  # noqa: B023
                )
                assert meant(lambda: decision_meant(ledger, index, name)) == meant(  # noqa: B023
                    lambda: scanned_decision.decision_meant(ledger, name)  # noqa: B023
                )
                assert said(lambda: flat(lookup.receipt(ledger, index, name))) == said(  # noqa: B023
                    lambda: flat(scan.receipt(ledger, name))  # noqa: B023
                )


def meant(find: Callable[[], FoundDecision]) -> object:
    """Return the decision found, or what fits, in whatever order."""
    try:
        return find()
    except SeveralFit as several:
        return sorted(map(repr, several.fitting))
    except NotFound as not_found:
        return str(not_found)


def flat(found: object) -> str:
    """Return a result as text."""
    return repr(found)


@pytest.mark.parametrize("wanted", ["\udcff", "\0", "zz", "", "-" * 40, "%", "_"])
def test_odd_ids_find_what_they_find_in_the_log(wanted: str) -> None:
    ledger = recorded([(("trade.intent", {"symbol": "BTCUSDT", "side": "BUY", "leverage": 5}), 1)])
    with indexed(ledger) as index:
        assert said(lambda: flat(lookup.receipt(ledger, index, wanted))) == said(
            lambda: flat(scan.receipt(ledger, wanted))
        )
        assert meant(lambda: decision_meant(ledger, index, wanted)) == meant(
            lambda: scanned_decision.decision_meant(ledger, wanted)
        )


@given(
    drawn=histories,
    policy=st.sampled_from(["v3.5", "v3.6"]),
    wanted=st.builds(
        DecisionsWanted,
        symbol=st.sampled_from([None, "BTCUSDT", "ETHUSDT"]),
        account=st.sampled_from([None, "default", "none"]),
        policy=st.sampled_from([None, "v3.5"]),
        cause=st.sampled_from([None, "INTENT", "none"]),
        guard=st.sampled_from([None, "stop_wider_than_costs", "intent_is_fresh", "price_is_known", "none"]),
        state=st.sampled_from(["failed", "unknown"]),
        before=st.one_of(st.none(), st.integers(0, 200)),
        limit=st.integers(1, 5),
    ),
)
def test_lists_of_decisions_are_those_of_the_log(
    drawn: list[Drawn], policy: str, wanted: DecisionsWanted
) -> None:
    ledger = recorded(drawn, policy)
    expected = []
    for entry in ledger.log():
        event = entry.event
        if not isinstance(event, LevelsComputed | LevelsRefused):
            continue
        guards = event.levels.guards
        of = set(guards.failed if wanted.state == "failed" else guards.unknown)
        if (
            wanted.symbol in (None, event.symbol)
            and wanted.account in (None, event.account)
            and wanted.policy in (None, event.policy.name)
            and wanted.cause in (None, event.cause)
            and (wanted.guard is None or wanted.guard in of)
            and (wanted.before is None or entry.position < wanted.before)
        ):
            id_ = decision_id(entry.stream_id, event.revision)
            expected.append(DecisionPlace(entry.position, id_, entry.stream_id))
    with indexed(ledger) as index:
        assert index.decisions(wanted) == expected[::-1][: wanted.limit]


@given(drawn=histories)
def test_the_latest_decisions_are_those_of_the_log(drawn: list[Drawn]) -> None:
    ledger = recorded(drawn)
    of_symbol: dict[str, int] = {}
    of_plan: dict[object, int] = {}
    in_time: dict[str, tuple[object, int]] = {}
    for entry in ledger.log():
        event = entry.event
        if isinstance(event, LevelsComputed | LevelsRefused):
            of_symbol[event.symbol] = entry.position
            key = (event.context.occurred_at, entry.position)
            in_time[event.symbol] = max(in_time.get(event.symbol, key), key)
            if isinstance(event, LevelsComputed):
                of_plan[entry.stream_id] = entry.position
    with indexed(ledger) as index:
        assert {symbol: one.position for symbol, one in index.latest_per_symbol().items()} == of_symbol
        for plan, position in of_plan.items():
            found = index.latest_computed(plan)  # type: ignore[arg-type]
            assert found is not None
            assert found.position == position
        for symbol, (at, position) in in_time.items():
            found = index.decision_at(symbol, at)  # type: ignore[arg-type]
            assert found is not None
            assert found.position == position


@given(
    drawn=histories,
    wanted=st.builds(
        ReceiptsWanted,
        disposition=st.sampled_from([None, "ACCEPTED", "IGNORED", "REFUSED"]),
        reason=st.sampled_from([None, "NO_OPEN_POSITION", "DUPLICATE_CLOSE", "NOT_AN_ENTRY"]),
        order_id=st.sampled_from([None, "1", "2", "3", "none"]),
        before=st.one_of(st.none(), st.integers(0, 200)),
        limit=st.integers(1, 5),
    ),
)
def test_lists_of_receipts_are_those_of_the_log(drawn: list[Drawn], wanted: ReceiptsWanted) -> None:
    ledger = recorded(drawn)
    receipts: list[tuple[int, object, MessageReceived, set[str]]] = []
    for entry in ledger.log():
        event = entry.event
        if isinstance(event, MessageReceived):
            ignored = event.ignored_exit
            receipts.append(
                (entry.position, entry.stream_id, event, {ignored.order_id} if ignored else set())
            )
        elif isinstance(event, LevelsComputed | LevelsRefused):
            receipts[-1][3].add(event.context.order_id)
        elif isinstance(event, PositionReduced | PositionClosed | CloseReported):
            receipts[-1][3].add(event.order_id)
    expected = [
        ReceiptPlace(position, id_, event.entry_id, event.source, event.stream)  # type: ignore[arg-type]
        for position, id_, event, orders in reversed(receipts)
        if wanted.disposition in (None, event.disposition)
        and wanted.reason in (None, event.reason)
        and (wanted.order_id is None or wanted.order_id in orders)
        and (wanted.before is None or position < wanted.before)
    ]
    with indexed(ledger) as index:
        assert index.receipts(wanted) == expected[: wanted.limit]
        of_dispositions = index.counts().dispositions
        assert sum(of_dispositions.values()) == len(receipts)


@given(drawn=histories, page=st.integers(1, 20), killed_after=st.integers(1, 12))
def test_a_killed_builder_goes_on_and_every_row_is_right(
    drawn: list[Drawn], page: int, killed_after: int
) -> None:
    ledger = recorded(drawn)
    with TemporaryDirectory() as folder:
        path = Path(folder, "i.index")
        child = os.fork()
        if child == 0:
            _die_while_building(ledger, path, page, killed_after)
        os.waitpid(child, 0)
        with closing(SQLiteIndex(ledger, path, page=page)) as index:
            index.catch_up()
            assert index.note is None
            assert index.upto == ledger.head()
            assert list(index.differences()) == []


def _die_while_building(ledger: InMemoryLedger, path: Path, page: int, rows: int) -> None:
    """Build an index in a child, and end like a killed process when it has read so many rows of the log."""
    read = ledger.rows

    def counted(*args: int, **kwargs: int) -> Iterator[object]:
        nonlocal rows
        for row in read(*args, **kwargs):  # type: ignore[arg-type]
            rows -= 1
            if rows < 0:
                os._exit(9)
            yield row

    try:
        ledger.rows = counted  # type: ignore[method-assign, assignment]
        SQLiteIndex(ledger, path, page=page).catch_up()
    finally:
        os._exit(9)
