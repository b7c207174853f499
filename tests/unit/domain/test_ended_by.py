"""Who made a close: the longest beginning of its reason that ends at a word decides."""

import gzip
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.messages.closing import BOOK_CLOSE, CLOSE_INTENT, FLIPPED, REDUCE_INTENT
from exitbrain.domain.positions.ended_by import EndedBy, ReasonTable, words_of
from exitbrain.domain.positions.shipped_reasons import SHIPPED_REASONS

EXITS, TRADER, VENUE, UNKNOWN = EndedBy


def table(**rows: str) -> ReasonTable:
    """Return a table of rows whose names stand for beginnings."""
    return ReasonTable.read(rows.items())


@pytest.mark.parametrize(
    "reason",
    [
        "stop_loss",
        "STOP_LOSS",
        "Stop loss",
        "stop-loss",
        "stopLoss",
        "[Stop] Loss!",
        "stop_loss (R=-1.95)",
        "stop_loss2",
    ],
)
def test_one_row_matches_every_spelling_with_or_without_figures(reason: str) -> None:
    assert table(stop_loss="exits").of(reason) is EXITS


@pytest.mark.parametrize(
    "reason", ["stopped by user", "stoploss", "emergency_stop_loss (R=-1.95)", "nonstop", "unstop", "stopé"]
)
def test_a_beginning_ends_at_a_word_and_begins_the_reason(reason: str) -> None:
    assert table(stop="exits").of(reason) is None


def test_digits_end_a_word() -> None:
    one = table(tp="exits")
    assert [one.of(reason) for reason in ("tp", "TP1", "tp_2", "tp 3 (R=1.5)", "tpx")] == [EXITS] * 4 + [None]


def test_the_longest_beginning_decides() -> None:
    one = table(stop="exits", stop_bot="trader", stop_bot_on_delisting="venue")
    assert one.of("stop bot") is TRADER
    assert one.of("stop bot on delisting of X") is VENUE
    assert one.of("stop bots") is EXITS


def test_a_later_word_for_the_trader_takes_an_exit_back() -> None:
    one = table(take_profit="exits", liquidation="venue", user="trader", force_exit="trader")
    assert one.of("take profit") is EXITS
    assert one.of("take profit by USER") is None
    assert one.of("liquidation of user 7") is VENUE
    assert one.of("take profit, users asked") is EXITS
    assert (
        table(take_profit="exits", take_profit_by_user="exits", user="trader").of("take profit by user")
        is EXITS
    )


@pytest.mark.parametrize("reason", ["", " ", "-", "\t(?)\n"])
def test_a_reason_without_words_is_unknown(reason: str) -> None:
    assert table(stop="exits").of(reason) is UNKNOWN


def test_words() -> None:
    assert words_of("profit_taking_R=-0.6 (exit=5 vs hold=3)") == (
        "profit", "taking", "r", "0", "6", "exit", "5", "vs", "hold", "3",
    )  # fmt: skip
    assert words_of("TP1hit ÄrgerLOS") == ("tp", "1", "hit", "ärger", "los")


def test_the_hash_depends_on_the_rows_and_not_on_their_order_or_spelling() -> None:
    one = ReasonTable((("stop_loss", EXITS), ("TP1", EXITS), ("user", TRADER)))
    same = ReasonTable((("user", TRADER), ("tp-1", EXITS), ("Stop Loss", EXITS), ("stop loss", EXITS)))
    # printf '[["stop loss","exits"],["tp 1","exits"],["user","trader"]]' | sha256sum
    assert one.hash == same.hash == "1b46d5275a7bcbf2336650c8f219a692bcb5229218c795fc7519b088d7d673d3"
    assert table(stop_loss="exits", tp1="exits", user="venue").hash != one.hash
    assert table(stop_loss="exits", tp1="exits").hash != one.hash


def test_rows_of_another_table_replace_those_with_the_same_beginning() -> None:
    one = table(stop="exits", tp="exits").replaced_by(table(STOP="trader", mine="venue"))
    assert [one.of(reason) for reason in ("stop", "tp", "mine")] == [TRADER, EXITS, VENUE]
    assert one.hash == table(stop="trader", tp="exits", mine="venue").hash


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("", "exits")], "the beginning of a reason is ''; allowed: a text with a letter or a digit"),
        ([(" _-", "exits")], "the beginning of a reason is ' _-'; allowed: a text with a letter or a digit"),
        ([("sl", "exit")], "reason 'sl' is 'exit'; allowed: exits, trader, venue, unknown"),
        ([("sl", None)], "reason 'sl' is None; allowed: exits, trader, venue, unknown"),
        ([("sl", ["exits"])], "reason 'sl' is ['exits']; allowed: exits, trader, venue, unknown"),
        (
            [("Stop-Loss", "exits"), ("stop_loss", "trader")],
            "reason 'stop_loss' is 'trader'; allowed: one meaning, and it is exits already",
        ),
    ],
)
def test_a_rule_that_is_no_rule_is_refused(rows: Iterable[tuple[str, object]], said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        ReasonTable.read(rows)
    assert str(refused.value) == said


def test_the_reasons_that_we_record_ourselves_are_the_traders() -> None:
    for reason in (FLIPPED, CLOSE_INTENT, REDUCE_INTENT, BOOK_CLOSE):
        assert SHIPPED_REASONS.of(reason) is TRADER


OF_EXITS = (
    "stop|sl|SL hit|Stop Loss|stoploss|stop_loss|emergency_stop_loss (R=-1.95)|STOP_MARKET|TRAILING_STOP_MARKET|"
    "stoploss_on_exchange|trailing_stop_loss|roi|take profit|tp1|TP_2|TP3 reached|PARTIAL_TP|target|target 2 hit|"
    "TAKE_PROFIT_MARKET|profit_taking_R=-0.6 (exit=5 vs hold=3)|breakeven|Break-even stop|break_even|time_stop|"
    "TIME_LIMIT|max_hold_time|harvest|HARVEST_TP1|tsl"
)
OF_TRADER = (
    "signal|exit_signal|sell_signal|force_exit|manual|Manual close|user|closed by user|stopped by user|flip|"
    "reverse signal|stop bot|Stop trading|stop and reverse|target_position=0|AI signal|custom_exit|"
    "EMERGENCY_FLATTEN drawdown=20.1% > 10.0%|drawdown_breach|Rebalance"
)
OF_NOBODY = (
    "ok|close|closed|exit|stopped|emergency_exit|partial_exit|emergency stop|liquidate|other|timeout|"
    "take profit manually|TP by user|sl (manual)|stop signal|stop by user|profit|loss|reduce|momentum_strong (hold=12)|"
    "FEE_PROTECTION_net_R=-0.0 (gross=0.0, fees_eaten=0.04R over 0.0h)"
)


@pytest.mark.parametrize(
    ("ended_by", "reasons"),
    [
        (EXITS, OF_EXITS),
        (TRADER, OF_TRADER),
        (VENUE, "liquidation|Liquidated|ADL|auto-deleveraging|autoDeleveraging|settlement|delisting|expired"),
        (UNKNOWN, "unknown|Unknown|none|N/A|null|nan|stop out"),
        (None, OF_NOBODY),
    ],
)
def test_what_the_shipped_table_says(ended_by: EndedBy | None, reasons: str) -> None:
    found = {reason: SHIPPED_REASONS.of(reason) for reason in reasons.split("|")}
    assert found == dict.fromkeys(found, ended_by)


def test_every_recorded_trade_ended_in_an_unknown_way(shared_data: Path) -> None:
    rows = gzip.decompress((shared_data / "history" / "clm-trades.jsonl.gz").read_bytes())
    reasons = re.findall(r'"exit_reason": "([^"]*)"', rows.decode().replace("\\", ""))
    assert Counter(map(SHIPPED_REASONS.of, reasons)) == {UNKNOWN: 542}
