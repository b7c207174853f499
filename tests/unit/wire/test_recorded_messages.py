"""Every recorded message is understood: the intents of the stream, the closes, the closed trades."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Context, Decimal
from pathlib import Path

import pytest

from exitbrain.domain.messages.message import (
    TRADE_CLOSED,
    ForeignStream,
    IntentKind,
    TradeClosed,
    TradeIntent,
)
from exitbrain.domain.values import EntryId, Side, TimeOrigin
from exitbrain.infrastructure.wire.jsonl import open_lines, read_messages
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.wire.made import translated

LONG, SHORT, NO_TIME = Side.LONG, Side.SHORT, None
PAYLOAD = TimeOrigin.PAYLOAD
# sample: (side, leverage, whether a quantity can be known, origin of the time)
RECORDED = {
    "audit-1224-1": (LONG, 1.0, True, PAYLOAD),
    "audit-1224-3": (LONG, 1.0, True, PAYLOAD),
    "truthmap-first-entry": (SHORT, 5.0, True, PAYLOAD),
    "drain-render": (LONG, 1.0, True, PAYLOAD),
    "ilf-gala": (LONG, 1.0, True, NO_TIME),
    "waves-fallback": (LONG, 10.0, False, NO_TIME),
    "fhe-fallback": (SHORT, 10.0, True, PAYLOAD),
    "avax-exec-proof": (LONG, 2.0, True, PAYLOAD),
    "btc-feb9": (SHORT, 5.0, True, NO_TIME),
    "inj-minimal": (LONG, None, False, NO_TIME),
    "ada-log": (SHORT, 1.0, True, PAYLOAD),
    "flat-testusdt": (LONG, 1.0, False, PAYLOAD),
    "v35-verify": (LONG, 10.0, False, PAYLOAD),
    "v35-live-buy": (LONG, 5.0, False, PAYLOAD),
    "v35-verified-eth": (LONG, 20.0, False, PAYLOAD),
    "flat-action-xyz": (LONG, None, True, NO_TIME),
    "op-manual-1": (LONG, 1.0, True, PAYLOAD),
    "auto-trader-usd": (SHORT, 2.0, False, NO_TIME),
    "auto-trader-usd-noreduce": (SHORT, 2.0, False, NO_TIME),
    "harvest-reduce-live": (LONG, None, True, PAYLOAD),
    "doc-trading-bot": (LONG, 5.0, True, PAYLOAD),
    "doc-ilf-expected": (LONG, 1.0, False, NO_TIME),
}


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> dict[str, tuple[dict[str, str], TradeIntent]]:
    """Return what each sample says, as plain text, and its translation."""
    path = str(shared_data / "intents" / "trade-intent.jsonl")
    lines = [json.loads(line) for line in open_lines(path)]
    found: dict[str, tuple[dict[str, str], TradeIntent]] = {}
    for line, message in zip(lines, read_messages(open_lines(path), max_bytes=65536), strict=True):
        translation = WireTranslator().translate(message)
        assert isinstance(translation, TradeIntent)
        assert message.source == "trade.intent"
        assert line["stream_id"] in (None, str(message.stream_id))
        said = json.loads(
            line["fields"].get("payload") or json.dumps(line["fields"]), parse_float=str, parse_int=str
        )
        found[line["sample"]] = said, translation
    return found


def test_no_recorded_intent_is_left_out(recorded: dict[str, object]) -> None:
    assert set(recorded) == set(RECORDED)


@pytest.mark.parametrize("sample", RECORDED)
def test_a_recorded_intent_says_what_was_recorded(
    recorded: dict[str, tuple[dict[str, str], TradeIntent]], sample: str
) -> None:
    said, found = recorded[sample]
    side, leverage, quantity_known, origin = RECORDED[sample]
    assert found.kind is (IntentKind.REDUCE if sample == "harvest-reduce-live" else IntentKind.OPEN)
    assert (found.symbol, found.side, found.leverage, found.time.origin) == (
        said["symbol"],
        side,
        leverage,
        origin,
    )
    assert found.quantity == (_quantity(said) if quantity_known else None)
    if origin is not None:
        assert found.time.at is not None
        assert found.time.at.timestamp() == pytest.approx(_seconds(said["timestamp"]), abs=1e-6)
    assert bool(found.assumptions) == (origin is not None and _is_naive(said["timestamp"]))


def _quantity(said: dict[str, str]) -> Decimal:
    given = said.get("quantity") or said.get("qty")
    if given is not None:
        return Decimal(given)
    return Context(prec=28).divide(Decimal(said["position_size_usd"]), Decimal(said["entry_price"]))


def _seconds(text: str) -> float:
    if text.isdigit():
        return int(text) / 1000
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _is_naive(text: str) -> bool:
    return not text.isdigit() and not text.endswith("Z") and "+" not in text


def test_the_stream_id_of_a_recorded_intent_is_its_entry_id(shared_data: Path) -> None:
    lines = list(open_lines(str(shared_data / "intents" / "trade-intent.jsonl")))
    first = next(read_messages(lines, max_bytes=65536))
    assert (first.entry_id, first.stream_id) == ("1766550734062-1", EntryId(1766550734062, 1))


def test_the_recorded_entries_of_other_streams_are_closes_or_foreign(shared_data: Path) -> None:
    lines = open_lines(str(shared_data / "history" / "other-streams.jsonl"))
    translations = [WireTranslator().translate(message) for message in read_messages(lines, max_bytes=65536)]
    closes = [found for found in translations if isinstance(found, TradeClosed)]
    assert len([found for found in translations if isinstance(found, ForeignStream)]) == 32
    assert [(found.symbol, found.side, found.pnl_percent, found.pnl_usd) for found in closes] == [
        ("ETHUSDT", SHORT, Decimal("0.12"), Decimal("0.71")),
        ("ALICEUSDT", SHORT, Decimal("-3.03"), Decimal("-6.03")),
    ]
    assert [(found.order_id, found.time.origin) for found in closes] == [
        ("8321137723", PAYLOAD),
        ("89628152", PAYLOAD),
    ]
    assert closes[1].reason == "emergency_stop_loss (R=-1.52)"


def test_every_closed_trade_of_the_history_is_a_close(shared_data: Path) -> None:
    with gzip.open(shared_data / "history" / "clm-trades.jsonl.gz", "rt", encoding="utf-8") as file:
        trades = [json.loads(line) for line in file]
    found = [translated(trade, TRADE_CLOSED) for trade in trades]
    assert len(found) == 542
    for trade, close in zip(trades, found, strict=True):
        assert isinstance(close, TradeClosed)
        assert close.pnl_percent == Decimal(repr(trade["pnl_percent"]))
        assert close.exit_price == Decimal(repr(trade["exit_price"]))
        assert close.reason == trade["exit_reason"]
        assert close.time.origin is PAYLOAD
