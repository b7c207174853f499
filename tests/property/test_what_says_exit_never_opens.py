"""Whatever stands beside it: what says exit never opens, and what a close does not need never refuses it."""

import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from exitbrain.domain.messages.message import (
    TRADE_CLOSED,
    TRADE_INTENT,
    IntentKind,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.names import QUOTES
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.asked import CLOSE_FLAGS, REDUCE_FLAGS, WORD_NAMES
from exitbrain.infrastructure.wire.flags import FALSE, TRUE, flag_of
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.names import NAMES_READ
from exitbrain.infrastructure.wire.placeholders import WORDS, is_placeholder
from exitbrain.infrastructure.wire.symbols import spelling_of
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.wire.words import CLOSE_WORDS, REDUCE_WORDS, STOP_WORDS, TARGET_WORDS
from tests.property.test_wire_never_raises import VALUES

BETWEEN = st.sampled_from(["_", "-", " ", ".", "/", " - ", "__", ""])
SIDES = st.sampled_from([[], ["LONG"], ["SHORT"], ["POSITION"], ["LONG", "POSITION"], ["ALL"], ["PARTIAL"]])
EXITS = st.sampled_from([*CLOSE_WORDS, *REDUCE_WORDS, *STOP_WORDS, *TARGET_WORDS, "REDUCE_ONLY"])


@st.composite
def any_case(draw: st.DrawFn, text: str) -> str:
    """Return a text in some case, with some blanks around it."""
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    cased = "".join(one.upper() if up else one.lower() for one, up in zip(text, upper, strict=True))
    way = draw(st.sampled_from([text, text.lower(), text.upper(), cased]))
    return draw(st.sampled_from(["", " ", "\n"])) + way + draw(st.sampled_from(["", " ", "\t"]))


@st.composite
def exit_words(draw: st.DrawFn) -> str:
    """Return an exit word in one of its many spellings, in one case throughout."""
    between = draw(BETWEEN)
    spelled = between.join([*draw(EXITS).split("_"), *draw(SIDES)])
    return draw(st.sampled_from([spelled, spelled.lower(), f" {spelled.title()} "]))


def translated(source: str, said: dict[str, object]) -> Translation:
    message = from_fields(
        source, None, {"payload": json.dumps(said)}, origin=Origin.LIVE, max_bytes=1_000_000
    )
    return WireTranslator().translate(message)


OTHERS = st.dictionaries(
    st.sampled_from(sorted(NAMES_READ[TRADE_INTENT] - {"symbol", "account"})), VALUES, max_size=8
)


@given(exit_words(), st.sampled_from(WORD_NAMES), OTHERS)
@example("CLOSE", "action", {"side": "BUY", "intent_type": "OPEN"})
def test_what_says_exit_never_opens(word: str, name: str, others: dict[str, object]) -> None:
    found = translated(TRADE_INTENT, {"side": "SELL", **others, "symbol": "ETHUSDT", name: word})

    if isinstance(found, Unusable):
        assert found.is_exit
        assert found.refusal.reason is Reason.CONTRADICTION or found.refusal.field in (
            *REDUCE_FLAGS,
            *CLOSE_FLAGS,
        )
    else:
        assert isinstance(found, TradeIntent)
        assert found.kind in (IntentKind.CLOSE, IntentKind.REDUCE)


@given(st.dictionaries(st.sampled_from(sorted(NAMES_READ[TRADE_CLOSED])), VALUES, max_size=12))
def test_a_close_is_refused_for_nothing_but_its_symbol_and_account(said: dict[str, object]) -> None:
    said.pop("account", None)
    found = translated(TRADE_CLOSED, said | {"symbol": "ETHUSDT"})

    assert isinstance(found, TradeClosed)
    assert found.symbol == "ETHUSDT"


@given(st.sampled_from(WORDS).flatmap(any_case))
def test_a_placeholder_is_one_in_any_case(text: str) -> None:
    assert is_placeholder(text)


@given(st.text(st.characters(categories=["Nd"], include_characters="abcdefABCDEF-"), min_size=1))
def test_a_number_above_zero_is_never_a_placeholder(text: str) -> None:
    if re.fullmatch(r"[0-9]+", text) and int(text) > 0:
        assert not is_placeholder(text)


@given(st.sampled_from([*TRUE, *FALSE]).flatmap(any_case))
def test_a_flag_is_read_in_any_case(text: str) -> None:
    assert flag_of(text) is (text.strip().lower() in TRUE)


BASES = st.text(st.characters(categories=["Lu", "Nd"], max_codepoint=127), min_size=1, max_size=12) | st.just(
    "币安"
)


@given(BASES, st.sampled_from(QUOTES))
def test_each_spelling_of_a_perpetual_means_the_same_symbol_and_no_other_quote(base: str, quote: str) -> None:
    name = base + quote
    perpetuals = (
        f"{base}/{quote}:{quote}",
        f"{name}.P",
        f"BINANCE:{name}.P",
        f"{name}-PERP",
        f"{base}-{quote}-SWAP",
    )
    for text in (*perpetuals, *(each.lower() for each in perpetuals)):
        assert (spelling_of(text).name, spelling_of(text).spot) == (name, False)
    for text in (f"{base}/{quote}", f"BINANCE:{name}", f"{base}_{quote}"):
        assert (spelling_of(text).name, spelling_of(text).spot) == (name, True)
    for text in (
        name,
        f"BYBIT:{name}.P",
        f"{name}_260327",
        f"{base}/{quote}:{quote}-260327",
        f"{base}USD_PERP",
    ):
        assert (spelling_of(text).name, spelling_of(text).doubts) == (text, ())
