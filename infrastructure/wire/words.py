"""The words of an intent: exits, entries, orders, and the sides they name.

A word may be in any case, joined by - _ . / or spaces, in camelCase, or run together (`closeLong`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from exitbrain.domain.values import Side

ORDER_WORDS = {"BUY": Side.LONG, "LONG": Side.LONG, "SELL": Side.SHORT, "SHORT": Side.SHORT}
CLOSE_WORDS = (
    "CLOSE", "CLOSED", "CLOSES", "CLOSING", "CLOSEOUT", "EXIT", "EXITS", "EXITED", "EXITING", "FLATTEN", "FLATTENED",
    "FLATTENING", "LIQUIDATE", "LIQUIDATED", "LIQUIDATES", "LIQUIDATING", "LIQUIDATION", "UNWIND", "UNWINDING", "COVER",
    "COVERED", "COVERING",
)  # fmt: skip
REDUCE_WORDS = (
    "REDUCE", "REDUCED", "REDUCES", "REDUCING", "REDUCTION", "DECREASE", "DECREASED", "DECREASES", "DECREASING", "TRIM",
    "TRIMMED", "TRIMMING", "DELEVERAGE", "DELEVERAGED", "DELEVERAGING", "ADL", "HARVEST", "HARVESTED", "HARVESTING",
)  # fmt: skip
PARTIAL_WORDS = ("PARTIAL", "PARTIALLY", "PARTIALS", "PART", "HALF")
ENTRY_WORDS = (
    "OPEN", "OPENS", "OPENED", "OPENING", "ENTRY", "ENTRIES", "ENTER", "ENTERS", "ENTERED", "ENTERING", "REENTRY",
    "REENTER", "INCREASE", "INCREASED", "INCREASES", "INCREASING", "ADD", "ADDED", "ADDS", "ADDING", "DCA", "PYRAMID",
    "REVERSE", "REVERSAL", "FLIP",
)  # fmt: skip
STOP_WORDS = (
    "SL", "TSL", "STOP", "STOP_LOSS", "STOPPED_OUT", "STOP_MARKET", "TRAILING_STOP", "CUT_LOSS", "SQUARE_OFF",
)  # fmt: skip
TARGET_WORDS = ("TP", "TP1", "TAKE_PROFIT", "PROFIT_TAKING", "SCALE_OUT")

_CLOSE, _REDUCE, _PARTIAL, _ENTRY = map(frozenset, (CLOSE_WORDS, REDUCE_WORDS, PARTIAL_WORDS, ENTRY_WORDS))
_STRONG = _CLOSE | _REDUCE | _PARTIAL | _ENTRY
_QUALIFIERS = frozenset((
    "ALL", "AND", "AT", "AUTO", "AUTONOMOUS", "CUT", "EMERGENCY", "EXECUTED", "FILLED", "FORCE", "FORCED",
    "FULL", "FULLY", "HARD", "HIT", "IN", "INTENT", "LEVEL", "LIMIT", "LOSS", "LOSSES", "MANUAL", "MARKET",
    "OFF", "ONLY", "ORDER", "ORDERS", "OUT", "POSITION", "POSITIONS", "PROFIT", "PROFITS", "SCALE",
    "SCALING", "SIGNAL", "SL", "SOFT", "SQUARE", "STOP", "STOPPED", "STOPS", "TAKE", "TAKER", "TAKES",
    "TAKING", "TARGET", "TIME", "TIMED", "TO", "TRADE", "TRADES", "TRAILING", "TRIGGER", "TRIGGERED", "TSL",
    "GO", "LONG", "SHORT", "BUY", "SELL", "FLAT", "HOLD", "ON",
))  # fmt: skip
_KNOWN = _STRONG | _QUALIFIERS
# Words that begin like this negate an action or describe levels; they are not orders.
_NO_ORDER = frozenset((
    "NO", "NOT", "NON", "DONT", "NEVER", "WITHOUT", "ADJUST", "AMEND", "ATTACH", "CANCEL", "CHANGE", "EDIT", "LOWER",
    "MODIFY", "MOVE", "RAISE", "REPLACE", "SET", "TIGHTEN", "TRAIL", "UPDATE", "WIDEN",
))  # fmt: skip
_MOMENT = re.compile(r"\b(?:ON|AT) (?:CLOSE|OPEN)\b")  # of the session: MARKET_ON_CLOSE is a type of order
_TARGET = re.compile(r"TP[0-9]*")
_NUMBERED = re.compile(r"TP[0-9]*|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")
LONGEST_WORD = 64


@dataclass(frozen=True, slots=True)
class Word:
    """The meaning of one word.

    `order` is the side of a lone order word, `holds` the side named in a longer word. `order_type` is true if
    it may also be an order type (STOP_MARKET), `whole` if every part is known.
    """

    order: Side | None = None
    closes: bool = False
    reduces: bool = False
    partial: bool = False
    enters: bool = False
    flat: bool = False
    hold: bool = False
    holds: Side | None = None
    order_type: bool = False
    whole: bool = True

    @property
    def exits(self) -> bool:
        """Return whether it asks to close or reduce."""
        return self.closes or self.reduces


@lru_cache(maxsize=1024)
def word_of(text: str) -> Word | None:
    """Return the meaning of a word, None if it has none for us."""
    if len(text) > LONGEST_WORD:
        return None
    parts = _parts(text)
    said = frozenset(parts)
    if len(said) == 1 and parts[0] in ORDER_WORDS:
        return Word(order=ORDER_WORDS[parts[0]])
    if said == {"HOLD"}:
        return Word(hold=True)
    if not said or parts[0] in _NO_ORDER:
        return None
    whole = all(part in _KNOWN or _NUMBERED.fullmatch(part) for part in parts)
    if (
        not whole and parts[0] not in _STRONG and parts[-1] not in _STRONG
    ):  # AUTONOMOUS_EXIT_NOW says it clearly
        return None
    word = _meant(said, whole)
    return word if word.exits or word.enters or word.flat else None


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    for part in _BETWEEN.split(_CAMEL.sub("_", text.strip().replace("'", "")).upper()):
        if part:
            parts.extend(_pieces(part) or [part])
    return _MOMENT.sub("", " ".join(parts)).split()


def _pieces(part: str) -> list[str]:
    """Split a run-together text into known words, longest first; empty if it does not split completely."""
    for end in range(len(part), 1, -1):
        head, rest = part[:end], part[end:]
        if head in _KNOWN or _TARGET.fullmatch(head):
            pieces = _pieces(rest)
            if pieces or not rest:
                return [head, *pieces]
    return []


def _meant(said: frozenset[str], whole: bool) -> Word:
    loses = bool(said & {"LOSS", "LOSSES"})
    stop = bool(said & {"STOP", "STOPS"})
    order_type = stop and not loses
    stops = (
        (order_type and not said & {"BUY", "SELL"})  # BUY_STOP enters
        or (loses and (stop or "CUT" in said))
        or bool(said & {"SL", "TSL", "STOPPED"})
        or {"SQUARE", "OFF"} <= said
    )
    targets = (
        any(map(_TARGET.fullmatch, said))
        or bool(said & {"TAKE", "TAKES", "TAKING", "TAKER"} and said & {"PROFIT", "PROFITS"})
        or ("OUT" in said and bool(said & {"SCALE", "SCALING"}))
    )
    partial = bool(said & _PARTIAL)
    return Word(
        closes=(stops or bool(said & _CLOSE)) and not partial,
        reduces=targets or partial or bool(said & _REDUCE),
        partial=partial,
        enters=bool(said & _ENTRY) or ("IN" in said and bool(said & {"SCALE", "SCALING"})),
        flat="FLAT" in said,
        holds=_side_named(said),
        order_type=order_type and not said & _STRONG,
        whole=whole,
    )


def _side_named(said: frozenset[str]) -> Side | None:
    if said & {"LONG", "SHORT"}:
        return None if {"LONG", "SHORT"} <= said else Side.LONG if "LONG" in said else Side.SHORT
    if said & {"COVER", "COVERED", "COVERING"}:
        return Side.SHORT
    if "TO" in said and said & _CLOSE and said & {"BUY", "SELL"}:  # BUY_TO_CLOSE, SELL_TO_CLOSE
        return Side.SHORT if "BUY" in said else Side.LONG
    return None
