"""Find out what an intent asks for, from its words, its flags and the side of the position."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exitbrain.domain.messages.message import IntentKind
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import Side
from exitbrain.infrastructure.wire.flags import FLAG_ALLOWED, flag_of
from exitbrain.infrastructure.wire.placeholders import is_placeholder, is_placeholder_word
from exitbrain.infrastructure.wire.reading import FieldReader, refused
from exitbrain.infrastructure.wire.remaining import first_amount
from exitbrain.infrastructure.wire.words import Word, word_of

SIDE_NAMES = ("side", "action", "direction")
WORD_NAMES = (*SIDE_NAMES, "intent_type")
"""Fields in which any word counts."""
ORDER_TYPE_NAMES = ("type", "order_type", "orderType", "trade_type", "tradeType")
MORE_WORD_NAMES = (
    "intentType", "intent", "order_intent", "orderIntent", "order_action", "orderAction", "trade_action", "tradeAction",
    "action_type", "actionType", "signal", "signal_type", "signalType", "signal_action", "position_effect",
    "positionEffect", "position_action", "positionAction", "offset", "purpose", "command", *ORDER_TYPE_NAMES,
)  # fmt: skip
"""Fields in which a word counts only if every part of it is known: they often hold other text."""
REDUCE_FLAGS = ("reduce_only", "reduceOnly", "REDUCE_ONLY", "reduceonly", "is_reduce_only", "isReduceOnly")
CLOSE_FLAGS = ("closePosition", "close_position", "is_exit", "isExit", "is_close", "isClose")
POSITION_SIDE_NAMES = ("positionSide", "position_side", "posSide", "pos_side")
MARKET_POSITION_NAMES = ("market_position", "marketPosition")
MARKET_SIZE_NAMES = ("market_position_size", "marketPositionSize")
ASKING_NAMES = frozenset(
    (*WORD_NAMES, *MORE_WORD_NAMES, *REDUCE_FLAGS, *CLOSE_FLAGS, *POSITION_SIDE_NAMES, *MARKET_POSITION_NAMES,
     *MARKET_SIZE_NAMES)
)  # fmt: skip

ORDER_ALLOWED = "BUY, SELL, LONG or SHORT, a word that says exit, HOLD or FLAT"
POSITION_SIDE_ALLOWED = "LONG, SHORT or BOTH"
MARKET_POSITION_ALLOWED = "long, short or flat"
CONTRADICTION_ALLOWED = "a word that says exit or a word that says entry, not both"

_SIDE_ALONE = frozenset(("side",))
_SIDES = {"LONG": Side.LONG, "SHORT": Side.SHORT}
_POSITION_SIDES = {**_SIDES, "BOTH": None, "NET": None}
_FLAT = "FLAT"
_MARKET_POSITIONS = {**_SIDES, _FLAT: None}


@dataclass(slots=True)
class RequestedAction:
    """What an intent asks for; `side` is the side of the order, `holds` the side of the position."""

    kind: IntentKind
    side: Side | None = None
    holds: Side | None = None
    remaining: Decimal | None = None
    partial: bool = False


@dataclass(slots=True)
class _Position:
    """What a message says about the position's side, now or after the order."""

    side: Side | None = None
    after: Side | None = None
    flat_after: bool = False
    size_after: Decimal | None = None
    unreadable: tuple[str, object, str] | None = None


def asked_of(said: Mapping[str, object], reading: FieldReader) -> RequestedAction:
    """Return what an intent asks for; raises UnusableMessage if its words are contradictory or say nothing.

    A possible exit never opens a position: an exit word, an exit flag, or an order against the position's
    side overrides HOLD and FLAT.
    """
    if ASKING_NAMES.intersection(said) == _SIDE_ALONE:  # nearly every intent
        word = word_of(given) if isinstance(given := said["side"], str) else None
        if word is not None and word.order is not None:
            return RequestedAction(IntentKind.OPEN, word.order)
    words = tuple(_words(said))
    _check_not_contradictory(words)
    closes, reduces = _flag(said, CLOSE_FLAGS), _flag(said, REDUCE_FLAGS)
    position = _position(said, reading)
    side, unread = _order(said)
    closes = closes or any(word.closes for _, _, word in words)
    reduces = reduces or any(word.reduces for _, _, word in words)
    opposite = side is not None and (position.side or position.after or side) is not side
    kind = _kind(words, closes, reduces, opposite, position.flat_after)
    if kind is IntentKind.OPEN:
        return _entry(words, side, position, unread)
    if position.unreadable is not None:
        reading.drop(*position.unreadable[:2])
    if side is None and unread is not None and kind is not IntentKind.NOTHING:
        reading.drop(*unread)
    after = position.after if opposite else None
    return RequestedAction(
        kind,
        side,
        position.side or after or _held(words),
        None if after is None else position.size_after,
        after is not None or any(word.partial for _, _, word in words),
    )


def _words(said: Mapping[str, object]) -> Iterator[tuple[str, str, Word]]:
    for name in WORD_NAMES:
        text = said.get(name)
        if isinstance(text, str) and (word := word_of(text)) is not None:
            yield name, text, word
    for name in MORE_WORD_NAMES:
        text = said.get(name)
        word = word_of(text) if isinstance(text, str) else None
        if word is not None and word.whole and not (word.order_type and name in ORDER_TYPE_NAMES):
            yield name, str(text), word


def _check_not_contradictory(words: tuple[tuple[str, str, Word], ...]) -> None:
    exits = next((each for each in words if each[2].exits), None)
    enters = next((each for each in words if each[2].enters), None)
    if exits is None or enters is None:
        return
    (name, text, word), (other, entry, _) = exits, enters
    given = text if word.enters else f"{text} beside {other} {entry}"
    raise refused(Reason.CONTRADICTION, name, given, CONTRADICTION_ALLOWED, is_exit=True)


def _flag(said: Mapping[str, object], names: tuple[str, ...]) -> bool:
    """Return whether any of these flags is set; refuse an unreadable flag, since it may mean exit."""
    is_set = False
    for name in names:
        if name in said:
            flag = flag_of(said[name])
            if flag is None:
                raise refused(Reason.BAD_VALUE, name, said[name], FLAG_ALLOWED, is_exit=True)
            is_set = is_set or flag
    return is_set


def _position(said: Mapping[str, object], reading: FieldReader) -> _Position:
    found = _Position()
    name, given = _first(said, POSITION_SIDE_NAMES, is_placeholder)
    if name:
        found.side = _POSITION_SIDES.get(_upper(given))
        if _upper(given) not in _POSITION_SIDES:
            found.unreadable = name, given, POSITION_SIDE_ALLOWED
    name, given = _first(said, MARKET_POSITION_NAMES, is_placeholder_word)
    if name and _upper(given) not in _MARKET_POSITIONS:
        found.unreadable = name, given, MARKET_POSITION_ALLOWED
    elif name:
        found.size_after = first_amount(said, MARKET_SIZE_NAMES, reading)
        found.flat_after = _upper(given) == _FLAT or found.size_after == 0
        found.after = None if found.flat_after else _MARKET_POSITIONS[_upper(given)]
    return found


def sides_of_close(
    said: Mapping[str, object], reading: FieldReader
) -> tuple[Side | None, Side | None, Side | None]:
    """Return the side in a report, that side if given as LONG or SHORT, and the side of the position.

    An unknown side counts as absent: it must not keep a position open.
    """
    given = said.get("side")
    word = word_of(given) if isinstance(given, str) else None
    order, named = (None, None) if word is None else (word.order, word.holds)
    if given is not None and order is None and named is None:
        reading.drop("side", given)
    position = _position(said, reading)
    if position.unreadable is not None:
        reading.drop(*position.unreadable[:2])
    return order, _SIDES.get(_upper(given)), position.side or named


def _first(
    said: Mapping[str, object], names: tuple[str, ...], is_nothing: Callable[[str], bool]
) -> tuple[str, object]:
    """Return the name and value of the first of these fields with a value; an empty name if there is none."""
    for name in names:
        if name in said:
            given = said[name]
            if not (isinstance(given, str) and is_nothing(given)):
                return name, given
    return "", None


def _upper(given: object) -> str:
    return given.strip().upper() if isinstance(given, str) else ""


def _is_placeholder(given: object) -> bool:
    return isinstance(given, str) and is_placeholder(given)


def _order(said: Mapping[str, object]) -> tuple[Side | None, tuple[str, object] | None]:
    """Return the side of the first order word, else None and the first field that is no word."""
    unread: tuple[str, object] | None = None
    for name in SIDE_NAMES:
        given = said.get(name)
        if given is None:
            continue
        word = word_of(given) if isinstance(given, str) else None
        if word is not None and word.order is not None:
            return (word.order, None) if _is_none(unread) else (None, unread)
        if word is None and (unread is None or (_is_none(unread) and not _is_placeholder(given))):
            unread = name, given
    return None, unread


def _is_none(unread: tuple[str, object] | None) -> bool:
    return unread is None or _is_placeholder(unread[1])


def _kind(
    words: tuple[tuple[str, str, Word], ...], closes: bool, reduces: bool, opposite: bool, flat_after: bool
) -> IntentKind:
    flat = any(word.flat for _, _, word in words)
    if closes:
        return IntentKind.CLOSE
    if reduces:
        return IntentKind.REDUCE
    if not flat and any(word.hold for _, _, word in words):
        return IntentKind.NOTHING
    if flat_after:
        return IntentKind.CLOSE
    if opposite:
        return IntentKind.REDUCE
    return IntentKind.FLAT if flat else IntentKind.OPEN


def _entry(
    words: tuple[tuple[str, str, Word], ...],
    side: Side | None,
    position: _Position,
    unread: tuple[str, object] | None,
) -> RequestedAction:
    if position.unreadable is not None:
        name, given, allowed = position.unreadable
        raise refused(Reason.BAD_VALUE, name, given, allowed)
    if side is None and _is_none(unread):
        entries = [word for _, _, word in words if word.enters]
        side = next(
            (word.holds for word in entries if word.holds is not None), position.side if entries else None
        )
    if side is not None:
        return RequestedAction(IntentKind.OPEN, side, position.side)
    if unread is not None:
        raise refused(Reason.BAD_VALUE, *unread, ORDER_ALLOWED)
    raise refused(Reason.NO_SIDE, "side", None, ORDER_ALLOWED)


def _held(words: tuple[tuple[str, str, Word], ...]) -> Side | None:
    """Return the side named by an exit word, or by LONG or SHORT next to one."""
    exits = [word for _, _, word in words if word.exits]
    named = next((word.holds for word in exits if word.holds is not None), None)
    if named is not None or not exits:
        return named
    return next(
        (_SIDES[text.strip().upper()] for _, text, _ in words if text.strip().upper() in _SIDES), None
    )
