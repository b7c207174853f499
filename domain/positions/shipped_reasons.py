"""The reasons that ExitBrain knows without being told.

What is not certain is left out: a close by the trader that counts as one by the exits makes other policies go on after
a position that was really over. A reason without a row is unknown, and is listed.
"""

from exitbrain.domain.positions.ended_by import EndedBy, ReasonTable

_OURS = ("flipped", "close intent", "reduce intent", "book close")
"""What ExitBrain records for a close or a reduction by an intent, an entry on the other side, or an operator."""

_STOPS = (
    "stop", "stop loss", "stoploss", "sl", "hit stop", "hit sl", "stopped out", "emergency stop loss", "hard stop loss",
    "initial stop", "atr stop",
)  # fmt: skip
_TARGETS = (
    "target", "take profit", "takeprofit", "tp", "profit taking", "profit target", "partial tp", "partial take profit",
    "hit target", "hit tp", "roi", "harvest",
)  # fmt: skip
_TRAILS = ("trailing", "tsl", "break even", "breakeven")
_TIMES = (
    "time stop", "time exit", "time limit", "timed exit", "max hold", "max holding", "maximum hold", "maximum holding",
)  # fmt: skip

_SIGNALS = (
    "signal", "exit signal", "sell signal", "buy signal", "close signal", "opposite signal", "reverse signal",
    "ai signal", "strategy signal", "custom exit", "flip", "reverse", "reversed", "reversal", "stop and reverse",
    "rebalance", "rebalancing",
)  # fmt: skip
_PEOPLE = (
    "manual", "manually", "hand", "by hand", "user", "by user", "operator", "trader", "discretionary", "force exit",
    "force sell", "closed manually", "closed by user", "closed by hand", "close manually", "close by user",
    "stopped manually", "stopped by user",
)  # fmt: skip
_NO_STOP = (
    "stop bot", "stop trading", "stop strategy", "stop copy", "stop copying", "stop grid", "stop all", "stop request",
    "stop requested", "stop command", "stop button",
)  # fmt: skip
_NO_TARGET = (
    "target position", "target weight", "target allocation", "target size", "target quantity", "target exposure",
)  # fmt: skip
_ACCOUNT = ("emergency flatten", "drawdown breach", "kill switch", "panic")

_VENUE = (
    "liquidation", "liquidated", "forced liquidation", "adl", "auto deleverage", "auto deleveraged",
    "auto deleveraging", "autodeleveraging", "settlement", "settled", "delisting", "delisted", "delist", "expired",
    "expiry", "expiration", "contract expired",
)  # fmt: skip

_NOTHING = ("unknown", "none", "null", "nan", "n/a", "undefined", "unspecified")

_TWO_MEANINGS = ("stop out",)
"""A stop that was hit, or a position that a broker closed for lack of margin."""

_MADE_BY = (
    (EndedBy.EXITS, (*_STOPS, *_TARGETS, *_TRAILS, *_TIMES)),
    (EndedBy.TRADER, (*_OURS, *_SIGNALS, *_PEOPLE, *_NO_STOP, *_NO_TARGET, *_ACCOUNT)),
    (EndedBy.VENUE, _VENUE),
    (EndedBy.UNKNOWN, (*_NOTHING, *_TWO_MEANINGS)),
)

SHIPPED_REASONS = ReasonTable(tuple((row, ended_by) for ended_by, rows in _MADE_BY for row in rows))
"""The table without the rows of a user."""
