"""What is written where there is no value is no id."""

import json
from collections.abc import Callable
from itertools import product

import pytest

from exitbrain.domain.messages.message import TRADE_CLOSED, TradeClosed, TradeIntent
from exitbrain.infrastructure.wire.placeholders import WORDS, is_placeholder, is_placeholder_word
from exitbrain.infrastructure.wire.translator import NO_ID
from tests.unit.wire.made import CLOSE, INTENT, close, intent, translated

NOTHING = [
    "None", "none", " NULL ", "nil", "NaN", "nan", "0", "0.0", "000", "-0", "?", "???", "N/A", "n.a.", "#N/A", "NA",
    "unknown", "UNKNOWN", "-", "--", "_", ".", "...", "-1", "-1.0", "-999", "undefined", "<NA>", "NaT", "(none)", "tbd",
    "[]", "{}", "''", '""', "false", "inf", "-inf", "0x0", "0x" + "0" * 40, "00000000-0000-0000-0000-000000000000",
    "0" * 24, "no order id", "not_available", "−1", "–", "\u200b", "\u3000None",
]  # fmt: skip
SOMETHING = [
    "1", "8321137723", "10", "00001", "A", "a0", "O", "tp-1", "none-1", "null7", "nanook", "-abc", "unknown-3", "x" * 400,
    "0x1", "00000000-0000-0000-0000-000000000001", "1e9", "-1-2", "order", "币安", "1.0",
]  # fmt: skip
READERS: tuple[Callable[..., TradeIntent | TradeClosed], ...] = (intent, close)
IDS = ("order_id", "trace_id", "event_id", "correlation_id")


@pytest.mark.parametrize("text", [*NOTHING, *WORDS, "", "  ", "\u2003"])
def test_a_placeholder_is_told_in_any_case_and_in_brackets(text: str) -> None:
    for written in (text, text.upper(), text.title(), f" {text}\n"):
        assert is_placeholder(written), written
    if not text.strip().startswith(("-", "−")):
        assert is_placeholder(f"<{text.strip()}>")
        assert is_placeholder(f"'{text.strip()}'")


@pytest.mark.parametrize("text", SOMETHING)
def test_everything_else_is_an_id(text: str) -> None:
    assert not is_placeholder(text)
    assert not is_placeholder(f" {text} ")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "NaN", "inf", "0.0"])
def test_a_number_is_no_word_for_nothing(text: str) -> None:
    assert not is_placeholder_word(text)


@pytest.mark.parametrize("given", [*NOTHING, 0, -1, 0.0, float("nan")])
def test_a_placeholder_counts_as_absent_with_an_assumption(given: object) -> None:
    for name, read in product(IDS, READERS):
        found = read(**{name: given})
        assert (found.order_id, found.ids) == ("", {})
        assert [(each.field, each.why) for each in found.assumptions] == [(name, NO_ID)]
        assert found.unusable == (name,)


@pytest.mark.parametrize("name", ["trade_id", "tradeId"])
def test_a_trade_id_is_read_and_may_be_a_placeholder(name: str) -> None:
    assert close(**{name: 77}).trade_id == "77"
    found = close(**{name: "0"})
    assert (found.trade_id, found.unusable) == ("", (name,))


@pytest.mark.parametrize("given", SOMETHING)
def test_an_id_is_kept_as_it_is_whatever_its_length(given: str) -> None:
    for name, read in product(IDS, READERS):
        found = read(**{name: given})
        assert (found.order_id if name == "order_id" else found.ids[name]) == given
        assert found.unusable == ()


def test_two_long_ids_stay_apart() -> None:
    ids = [close(order_id="x" * 5000 + end).order_id for end in "ab"]
    assert ids[0] != ids[1]


def test_what_can_not_be_stored_of_an_id_is_written_as_an_escape() -> None:
    assert close(order_id="a\ud800").order_id == "a\\ud800"


@pytest.mark.parametrize("given", [True, ["7"], {"id": 7}])
def test_what_is_no_text_is_no_id_and_refuses_nothing(given: object) -> None:
    for found in (intent(order_id=given), close(order_id=given)):
        assert (found.order_id, found.unusable) == ("", ("order_id",))


@pytest.mark.parametrize("name", ["order_id", "trace_id", "account"])
def test_a_placeholder_in_the_payload_leaves_the_id_to_the_fields_around_it(name: str) -> None:
    found = translated({"payload": json.dumps(INTENT | {name: "None"}), name: "real-7"})
    assert isinstance(found, TradeIntent)
    assert "real-7" in (found.order_id, found.account, found.ids.get(name))
    assert [each.value for each in found.assumptions] == ["None"]


@pytest.mark.parametrize("given", ["None", "null", "-", "NaN", "unknown"])
def test_a_placeholder_is_no_account(given: str) -> None:
    found = intent(account=given)
    assert (found.account, found.unusable) == (None, ("account",))


def test_accounts_may_be_counted_from_zero() -> None:
    assert intent(account=0).account == "0"


@pytest.mark.parametrize(
    "fields",
    [CLOSE | {"order_id": " "}, {"payload": json.dumps(CLOSE | {"order_id": ""})},
     {"payload": json.dumps(CLOSE), "order_id": ""}, {"payload": json.dumps(CLOSE | {"order_id": None}), "order_id": ""}],
)  # fmt: skip
def test_a_blank_order_id_that_a_close_gives_is_assumed_to_be_none(fields: dict[str, object]) -> None:
    found = translated(fields, TRADE_CLOSED)
    assert isinstance(found, TradeClosed)
    assert [(each.field, each.value, each.why) for each in found.assumptions] == [("order_id", "", NO_ID)]


@pytest.mark.parametrize(
    "fields",
    [CLOSE, {"payload": json.dumps(CLOSE | {"order_id": None})}, CLOSE | {"order_id": None},
     {"payload": json.dumps(CLOSE | {"order_id": ""}), "order_id": "7"},
     {"payload": json.dumps(CLOSE | {"trace_id": ""})}],
)  # fmt: skip
def test_what_is_missing_or_null_needs_no_assumption(fields: dict[str, object]) -> None:
    found = translated(fields, TRADE_CLOSED)
    assert isinstance(found, TradeClosed)
    assert found.assumptions == ()
