"""What the commands show of an exit that ended nothing."""

from contextlib import closing
from pathlib import Path

import pytest

from exitbrain.domain.events import Record
from exitbrain.domain.messages.receipt import MessageReceived, Reason
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.ignored_exits import ENTRY_ID, LAST, OPEN, RECEIPT_ID, REFUSAL, ignored_exit, receipt
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain


@pytest.fixture
def begun(exitbrain: Exitbrain) -> Exitbrain:
    """Return a way to run commands where the default store holds a HOLD."""
    exitbrain("ingest", str(messages.write(Path("hold.jsonl"), [messages.intent(1, "BTCUSDT", "HOLD")])))
    return exitbrain


def keep(received: MessageReceived) -> None:
    """Put a receipt into the default store."""
    with closing(open_ledger("sqlite:///exitbrain.db", create=False)) as ledger:
        ledger.save([Record(RECEIPT_ID, 1, received)])


def test_a_receipt_shows_what_an_exit_that_ended_nothing_met(begun: Exitbrain) -> None:
    keep(receipt())

    lines = begun("receipt", ENTRY_ID).stdout.splitlines()

    assert lines[0] == f"IGNORED EARLIER_CYCLE: entry {ENTRY_ID} of quantum:stream:trade.closed"
    told = lines.index(
        "  an exit that ended nothing: REPORT LONG BTCUSDT of account default at 90100, order 7001"
    )
    assert lines[told + 1 : told + 5] == [
        f"    open: {SHORT_NOW}, position {OPEN.position_id}",
        f"    last: {LONG_BEFORE}, position {LAST.position_id}",
        "    rule: PAYLOAD_TIME, its own time lies within the last position, by the same clock",
        "    not expected: compare it with the venue",
    ]


SHORT_NOW = "cycle 2, SHORT an unknown quantity at 90100.50, opened 2026-01-01T11:59:55+00:00"
LONG_BEFORE = "cycle 1, LONG 0.05 at 90000, opened 2026-01-01T11:50:00+00:00, ended 2026-01-01T11:59:55+00:00 by FLIPPED"


def test_a_receipt_names_the_account_that_holds_the_symbol(begun: Exitbrain) -> None:
    keep(receipt(ignored_exit(open=None, held_by="second", rule=None), Reason.NO_OPEN_POSITION))

    text = begun("receipt", ENTRY_ID).stdout

    assert "open: none" in text
    assert "held by account second alone" in text


def test_scripts_get_both_sides_of_the_comparison(begun: Exitbrain) -> None:
    keep(receipt(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE))

    assert begun("receipt", ENTRY_ID, "--json").report["ignored_exit"] == {
        "account": "default",
        "symbol": "BTCUSDT",
        "kind": "REPORT",
        "side": "LONG",
        "order_id": "7001",
        "price": "90100",
        "open": {
            "position_id": str(OPEN.position_id),
            "cycle": 2,
            "side": "SHORT",
            "entry_price": "90100.50",
            "quantity": None,
            "opened_at": "2026-01-01T11:59:55Z",
            "ended_by": None,
            "ended_at": None,
        },
        "last": {
            "position_id": str(LAST.position_id),
            "cycle": 1,
            "side": "LONG",
            "entry_price": "90000",
            "quantity": "0.05",
            "opened_at": "2026-01-01T11:50:00Z",
            "ended_by": "FLIPPED",
            "ended_at": "2026-01-01T11:59:55Z",
        },
        "rule": "PAYLOAD_TIME",
        "held_by": None,
        "expected": True,
    }


def test_a_refused_exit_shows_its_refusal_and_what_it_met(begun: Exitbrain) -> None:
    keep(receipt(reason=REFUSAL.reason, refusal=REFUSAL))

    text = begun("receipt", ENTRY_ID).stdout

    assert "  reduce_only is maybe; allowed: true or false" in text
    assert "  an exit that ended nothing: REPORT LONG BTCUSDT" in text


def test_the_receipt_of_another_message_has_no_such_part(begun: Exitbrain) -> None:
    hold = f"{messages.FIRST_MS + 1000}-0"

    assert "an exit" not in begun("receipt", hold).stdout
    assert begun("receipt", hold, "--json").report["ignored_exit"] is None
