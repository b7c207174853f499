"""Hostile names: what could pass for another symbol or account is refused at every door, and its code points are named."""

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exitbrain import ExitBrain, ExitBrainError, Selection
from exitbrain.domain.messages.message import BOOK_CLOSE, TRADE_CLOSED, TRADE_INTENT, TradeIntent, Unusable
from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.names import NAME_MAX, allowed_instead
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.infrastructure.binance.payloads import rules_of
from exitbrain.infrastructure.cli.given import selection_of
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.positions import read_positions
from exitbrain.infrastructure.observability.metric_families import SYMBOLS_MAX
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.activation import activation_message
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.stream_entry import from_content
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.wire.usual_intent import usual_intent
from tests.unit.observation.live_path import Told, samples
from tests.unit.wire.made import message, refusal, refused_close, translated
from tests.world import NOON, World

HOSTILE = {
    "BTC\u202eTDSU": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "BTCUSDT\u200b": "U+200B ZERO WIDTH SPACE",
    "BTC\u2066USDT": "U+2066",
    "BTC\x1b[31mUSDT": "U+001B",
    "BTC USDT": "U+0020 SPACE",
    "BTC\u00a0USDT": "U+00A0 NO-BREAK SPACE",
    "ＢTCUSDT": "U+FF22 FULLWIDTH LATIN CAPITAL LETTER B",
    "BTCUSD\u0422": "U+0422 CYRILLIC CAPITAL LETTER TE beside Latin letters",
    "\u0392TCUSDT": "U+0392 GREEK CAPITAL LETTER BETA beside Latin letters",
    "BTC\u0338USDT": "U+0338 COMBINING LONG SOLIDUS OVERLAY",
    "BTC\u115fUSDT": "U+115F HANGUL CHOSEONG FILLER",
    "\U0001d401TCUSDT": "U+1D401 MATHEMATICAL BOLD CAPITAL B",
    "BTC\U000e0041USDT": "U+E0041",
    "\u0661000BTC": "U+0661 ARABIC-INDIC DIGIT ONE",
    "=BTCUSDT": "U+003D EQUALS SIGN",
    "<b>BTC": "U+003C LESS-THAN SIGN, U+003E GREATER-THAN SIGN",
}
HONEST = (
    "BTCUSDT", "1000PEPEUSDT", "1INCHUSDT", "币安人生USDT", "ETH/USDT:USDT", "BINANCE:ETHUSDT.P", "BTCUSDT_260327",
    "main-2", "bot.paper", "биржа", "हिन्दीUSDT", "ไทยที่USDT", "עִבְרִית", "일본", "Straße", "0",
)  # fmt: skip


def intent_as(name: str) -> dict[str, str]:
    """Return the raw fields of the usual intent for a symbol, its letters written as they are."""
    said = {"symbol": name, "side": "BUY", "entry_price": 100.5, "leverage": 20}
    return {"payload": json.dumps(said, ensure_ascii=False)}


def refused_line(name: str) -> str:
    fields = (
        intent_as(name) if name.isprintable() else {"payload": json.dumps({"symbol": name, "side": "BUY"})}
    )
    line = json.dumps({"stream": f"quantum:stream:{TRADE_INTENT}", "stream_id": None, "fields": fields})
    (read,) = read_messages([line.encode()], max_bytes=65_536)
    return refusal(WireTranslator().translate(read)).allowed


def refused_account(name: str) -> str:
    found = refusal(translated(intent_as("BTCUSDT") | {"account": name}))
    assert found.field == "account"
    return found.allowed


def refused_scope(name: str) -> str:
    asked = activation_message(V3_6, scope=name, by="b", why="w", at=NOON)
    return refusal(WireTranslator().translate(asked)).allowed


def refused_book_close(name: str) -> str:
    fields = {"symbol": name, "why": "w", "by": "b"}
    return refusal(translated(fields, BOOK_CLOSE)).allowed


def said_of(door: Callable[[str], object]) -> Callable[[str], str]:
    """Return what a door says of a name; it must refuse it with an error of ours."""

    def said(name: str) -> str:
        with pytest.raises(ExitBrainError) as caught:
            door(name)
        return str(caught.value)

    return said


def in_positions_file(name: str) -> None:
    line = {"symbol": name, "side": "LONG", "entry_price": 1, "opened_at": "2026-01-01T00:00:00Z"}
    Path("positions.jsonl").write_text(json.dumps(line))
    read_positions("positions.jsonl")


def in_instruments_file(name: str) -> None:
    Path("instruments.json").write_text(json.dumps({name: {"tick_size": "0.1"}}))
    InstrumentsFile(Path("instruments.json"))


def of_binance(name: str) -> str:
    answer = rules_of({"symbols": [{"symbol": name}, {"symbol": "AUSDT"}]})
    assert list(answer.of) == ["AUSDT"]
    return answer.unreadable[name]


def asked_of_library(name: str) -> None:
    with ExitBrain.open(store="memory://") as brain:
        brain.levels(leverage=10, symbol=name)


DOORS: dict[str, Callable[[str], str]] = {
    "intent": lambda name: (
        refusal(translated({"payload": json.dumps({"symbol": name, "side": "BUY"})})).allowed
    ),
    "close": lambda name: refused_close(symbol=name).allowed,
    "import": refused_line,
    "account": refused_account,
    "book close": refused_book_close,
    "positions file": said_of(in_positions_file),
    "instruments file": said_of(in_instruments_file),
    "Binance": of_binance,
    "setting ACCOUNT": said_of(lambda name: load_settings(account=name)),
    "library": said_of(asked_of_library),
    "library, account": said_of(lambda name: ExitBrain.open(store="memory://", account=name)),
    "selection": said_of(lambda name: Selection(symbol=name)),
    "--symbol": said_of(lambda name: selection_of(None, None, name)),
    "scope of a policy": refused_scope,
}
"""What each way into the product says of a name that it refuses."""


@pytest.mark.parametrize("door", DOORS)
def test_a_hostile_name_is_refused_at_every_door_with_its_code_points(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, named in HOSTILE.items():
        said = DOORS[door](name)
        assert f"without {named}" in said, (door, ascii(name), said)
        assert said.isprintable(), (door, ascii(said))


def test_a_hostile_name_decides_nothing_and_names_its_kind_of_refusal() -> None:
    world = World()
    for name in HOSTILE:
        outcome = world.intent(symbol=name, side="BUY", leverage=20)
        assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.BAD_VALUE)

    world.check_every_replay_is_exact()


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_name_passes(name: str) -> None:
    assert not allowed_instead(name)


def test_names_that_name_nothing_or_are_too_long_are_refused() -> None:
    assert all(allowed_instead(name) for name in ("", "..", "./-", "x" * (NAME_MAX + 1), "字" * 65))


PIECES = st.sampled_from(
    [*HOSTILE, *HONEST, "B", "Т", "币", "\u0301", "\u200f", " ", "\t", "\x00", "", "ﬁ", "٣"]
) | st.characters(codec="utf-8")
NAMES = st.lists(PIECES, min_size=1, max_size=3).map("".join)


@settings(max_examples=150)
@given(NAMES, st.none() | NAMES)
def test_the_quick_reading_allows_the_names_that_the_shapes_allow(symbol: str, account: str | None) -> None:
    fields = intent_as(symbol) | ({} if account is None else {"account": account})
    received, translator = message(fields), WireTranslator()
    found = translator.translate(received)

    assert repr(found) == repr(translator.translate_by_shapes(received))
    if isinstance(found, Unusable):
        assert usual_intent(received.fields) is None
    else:
        assert not allowed_instead(getattr(found, "symbol"))  # noqa: B009 - of an intent or a close


def test_what_is_allowed_is_the_same_in_every_version_of_python() -> None:
    allowed = [chr(code) for code in range(0x30000) if not allowed_instead(chr(code))]
    marked = [
        base + chr(code)
        for base in "बกبא"
        for code in range(0x300, 0x1900)
        if not allowed_instead(base + chr(code))
    ]

    # Measured under Python 3.11; another version must find the same, or a recorded refusal would not come out again.
    digest = sha256("".join((*allowed, *marked)).encode()).hexdigest()
    assert (len(allowed), len(marked), digest) == (
        86953,
        12293,
        "6401fa7a9223e83b78bd1f478241ca0e140bd70a74ab8db97ec9bd1c91cbd722",
    )


# Of duplicate keys the last one counts.

TWICE = '{"symbol": "AUSDT", "side": "BUY", "leverage": 5, "symbol": "BUSDT", "side": "SELL", "leverage": 7}'


def test_of_duplicate_keys_the_last_one_counts_on_the_quick_and_on_the_slow_path() -> None:
    quick = message({"payload": TWICE})
    assert usual_intent(quick.fields) is not None
    slow = {
        name: translated({name: text})
        for name, text in (("data", TWICE), ("payload", TWICE[:-1] + ', "reduce_only": false}'))
    }

    for found in (
        WireTranslator().translate(quick),
        WireTranslator().translate_by_shapes(quick),
        *slow.values(),
    ):
        assert not isinstance(found, Unusable)
        assert (found.symbol, str(found.side), found.leverage) == ("BUSDT", "SHORT", 7.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"symbol": "AUSDT", "symbol": null, "side": "BUY"}', Reason.NO_SYMBOL),
        ('{"symbol": null, "symbol": "AUSDT", "side": "BUY"}', None),
        ('{"symbol": ["A"], "symbol": "AUSDT", "side": "BUY"}', None),
        ('{"symbol": "AUSDT", "symb\\u006fl": ["A"], "side": "BUY"}', Reason.BAD_VALUE),
        ('{"symbol": "AUSDT", "side": "BUY", "leverage": "ten", "leverage": 5}', None),
        ('{"symbol": "AUSDT", "side": "BUY", "leverage": 5, "leverage": "ten"}', Reason.BAD_NUMBER),
        ('{"symbol": "AUSDT", "side": "BUY", "account": "a b", "account": "ab"}', None),
    ],
)
def test_of_duplicate_keys_the_last_one_counts_whatever_the_first_is(
    text: str, expected: Reason | None
) -> None:
    received, translator = message({"payload": text}), WireTranslator()
    found = translator.translate(received)

    assert repr(found) == repr(translator.translate_by_shapes(received))
    assert (found.refusal.reason if isinstance(found, Unusable) else None) == expected


@pytest.mark.parametrize("separator", [None, b"\0"])
def test_of_duplicate_fields_of_a_stream_entry_the_last_one_counts(separator: bytes | None) -> None:
    parts = [b"symbol", b"AUSDT", b"side", b"BUY", b"symbol", b"BUSDT"]
    content = parts if separator is None else separator.join(parts)
    read, _ = from_content("quantum:stream:trade.intent", "1-1", content, max_bytes=65_536)

    found = WireTranslator().translate(read)
    assert isinstance(found, TradeIntent)
    assert found.symbol == "BUSDT"


def test_of_duplicate_keys_in_files_the_last_one_counts(tmp_path: Path) -> None:
    stream = f'"stream": "quantum:stream:{TRADE_CLOSED}", "stream": "quantum:stream:{TRADE_INTENT}"'
    line = f'{{{stream}, "stream_id": "1-1", "stream_id": "2-2", "fields": {{"a": "1"}}, "fields": {{"symbol": "A", "symbol": "BUSDT", "side": "BUY"}}}}'
    (read,) = read_messages([line.encode()], max_bytes=65_536)
    assert (read.source, read.entry_id, read.fields.values) == (
        TRADE_INTENT,
        "2-2",
        {"symbol": "BUSDT", "side": "BUY"},
    )

    instruments = tmp_path / "instruments.json.gz"
    instruments.write_bytes(
        gzip.compress(b'{"A": {"tick_size": 1, "tick_size": 2}, "B": 7, "B": {"step_size": 3}}')
    )
    known = InstrumentsFile(instruments)
    assert (str(known.instrument("A").tick_size), str(known.instrument("B").step_size)) == ("2", "3")  # type: ignore[union-attr]

    positions = tmp_path / "positions.jsonl"
    positions.write_text(
        '{"symbol": "A B", "symbol": "AUSDT", "side": "LONG", "entry_price": 1, "entry_price": 2, "opened_at": "2026-01-01T00:00:00Z"}'
    )
    (position,) = read_positions(str(positions))
    assert (position.symbol, position.entry_price) == ("AUSDT", Decimal(2))


# Invented symbols.

TRADED = ("BTCUSDT", "ETHUSDT", "币安人生USDT")


def told(journal: Any, world: World, symbols: list[str]) -> None:
    outcomes = [
        world.intent(symbol=symbol, side="BUY", entry_price=100, quantity=2, leverage=20)
        for symbol in symbols
    ]
    journal.event("messages", outcomes=outcomes)
    journal.event("acknowledged", entries=len(outcomes), seconds=0.001, filled=0.0)


def shown(metrics: Any) -> set[str]:
    return {dict(labels)["symbol"] for name, labels in samples(metrics) if name == "exitbrain_lsf_adjusted"}


def test_invented_symbols_do_not_push_the_traded_ones_out_of_the_metrics() -> None:
    world, worker = World(), Told()
    invented = [[f"X{number}USDT" for number in range(at, at + 200)] for at in range(0, 1_000, 200)]
    for batch in invented[:3]:  # they come first, as many as are shown
        told(worker.journal, world, batch)
    told(worker.journal, world, [*TRADED])
    assert shown(worker.metrics) >= {*TRADED}

    for batch in invented[3:]:
        told(worker.journal, world, [*TRADED])
        told(worker.journal, world, batch)
    assert shown(worker.metrics) >= {*TRADED}
    assert len(shown(worker.metrics)) == SYMBOLS_MAX
