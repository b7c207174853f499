"""The reason of a reduction, read again from the message that made it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.queries.reduction_reasons import reduction_reasons
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import PositionReduced
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.world import World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 10, "leverage": 5}


class Reduced:
    """A long of 10 that was reduced by messages, with its reductions."""

    def __init__(self, ledger: ExitLedger | None = None) -> None:
        self.world = World(ledger=ledger)
        self.world.intent(**LONG)

    def by_report(self, **fields: Any) -> UUID:
        """Reduce by a report of a close that says what remains."""
        return self._receipt(self.world.closed(symbol="BTCUSDT", exit_price=101, **fields))

    def by_intent(self, **payload: Any) -> UUID:
        """Reduce by an intent."""
        return self._receipt(self.world.intent(symbol="BTCUSDT", **payload))

    def _receipt(self, result: MessageResult) -> UUID:
        assert any(isinstance(event, PositionReduced) for event in self.world.events_of(result))
        return result.receipt_id

    @property
    def reductions(self) -> list[PositionReduced]:
        return [
            entry.event
            for entry in self.world.ledger.log(topics=[PositionReduced.TOPIC])
            if isinstance(entry.event, PositionReduced)
        ]

    @property
    def reasons(self) -> dict[UUID, str]:
        return reduction_reasons(self.world.ledger, WireTranslator(), self.reductions)


@pytest.fixture
def reduced() -> Reduced:
    return Reduced()


def test_a_report_says_its_reason(reduced: Reduced) -> None:
    first = reduced.by_report(quantity=4, reason="tp1")
    second = reduced.by_report(quantity=2, exit_reason="harvest (R=1.5)")
    third = reduced.by_report(quantity=1)
    assert reduced.reasons == {first: "tp1", second: "harvest (R=1.5)", third: ""}


def test_an_intent_has_the_reason_that_its_close_would_have(reduced: Reduced) -> None:
    one = reduced.by_intent(action="REDUCE", quantity=4)
    other = reduced.by_intent(action="CLOSE", quantity=1)
    assert reduced.reasons == {one: "REDUCE_INTENT", other: "CLOSE_INTENT"}


def test_a_missing_receipt_gives_no_reason(reduced: Reduced) -> None:
    known = reduced.by_report(quantity=4, reason="tp1")
    lost = uuid4()
    (event,) = reduced.reductions
    of_another = changed(event, stamp=changed(event.stamp, cause_id=lost))
    found = reduction_reasons(reduced.world.ledger, WireTranslator(), [of_another, event, event])
    assert found == {known: "tp1", lost: ""}


def test_more_receipts_than_are_read_at_once(reduced: Reduced) -> None:
    known = [reduced.by_report(remaining=5, reason="tp1"), reduced.by_report(remaining=4, reason="tp2")]
    first, last = reduced.reductions
    lost = [
        changed(first, stamp=changed(first.stamp, cause_id=UUID(int=number))) for number in range(1, 1200)
    ]
    found = reduction_reasons(reduced.world.ledger, WireTranslator(), [first, *lost[:700], last, *lost[700:]])
    assert {receipt: reason for receipt, reason in found.items() if reason} == dict(
        zip(known, ("tp1", "tp2"), strict=True)
    )
    assert len(found) == 1201


def test_a_damaged_receipt_gives_no_reason_and_the_others_keep_theirs(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        reduced = Reduced(ledger)
        receipts = [
            reduced.by_report(remaining=remaining, reason=f"tp{remaining}") for remaining in (8, 6, 4, 2)
        ]
        with closing(sqlite3.connect(file)) as connection, connection:
            cut = "UPDATE stored_events SET state = substr(state, 1, 40) WHERE originator_id = ?"
            assert connection.execute(cut, [receipts[1].hex]).rowcount == 1
        assert list(reduced.reasons.values()) == ["tp8", "", "tp4", "tp2"]


def test_no_reductions_have_no_reasons(reduced: Reduced) -> None:
    assert reduced.reasons == {}
