"""Exits that ended nothing: as JSON, and as sentences for the log and for look-ups."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from exitbrain.domain.messages.receipt import Cycle, IgnoredExit
from exitbrain.domain.values import Whose, plain, plain_or_none

_RULES = {
    Whose.NAMED: "the side or the entry price that it names fits only one of them",
    Whose.STREAM_ORDER: "its stream id is older than the open position",
    Whose.AWAITED_REPORT: "an intent had ended the last position, whose report was still to come",
    Whose.PAYLOAD_TIME: "its own time lies within the last position, by the same clock",
    Whose.OPEN_POSITION: "nothing says that it means another",
}


class MetPosition(Struct):
    """A position that an exit could have meant; `ended_by` and `ended_at` are null while it is open."""

    position_id: str
    cycle: int
    side: str
    entry_price: str | None
    quantity: str | None
    opened_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class IgnoredExitReport(Struct):
    """An exit that ended nothing: its content, the positions it could have meant, and the rule that chose between them.

    `open` is the position that was open, `last` the one that ended before it, null where there is none. `held_by` is another
    account, which alone holds the symbol. `expected` says that no action is needed.
    """

    account: str
    symbol: str
    kind: str
    side: str | None
    order_id: str
    price: str | None
    open: MetPosition | None
    last: MetPosition | None
    rule: str | None
    held_by: str | None
    expected: bool


def exit_ignored(ignored: IgnoredExit) -> IgnoredExitReport:
    """Return an exit that ended nothing, for `--json`."""
    return IgnoredExitReport(
        account=ignored.account,
        symbol=ignored.symbol,
        kind=ignored.kind,
        side=None if ignored.side is None else ignored.side.value,
        order_id=ignored.order_id,
        price=plain_or_none(ignored.price),
        open=_met(ignored.open),
        last=_met(ignored.last),
        rule=None if ignored.rule is None else ignored.rule.value,
        held_by=ignored.held_by,
        expected=ignored.expected,
    )


def _met(met: Cycle | None) -> MetPosition | None:
    if met is None:
        return None
    return MetPosition(
        position_id=str(met.position_id),
        cycle=met.cycle,
        side=met.side.value,
        entry_price=plain_or_none(met.entry_price),
        quantity=plain_or_none(met.quantity),
        opened_at=met.opened_at,
        ended_by=met.ended_by,
        ended_at=met.ended_at,
    )


def in_words(ignored: IgnoredExit) -> Iterator[str]:
    """Yield an exit that ended nothing as text, line by line."""
    yield f"  an exit that ended nothing: {exit_said(ignored)}"
    yield from (f"    {line}" for line in exit_met(ignored))


def cycle_met(met: Cycle) -> str:
    """Return a position that an exit could have meant, and when it was open."""
    size = "an unknown quantity" if met.quantity is None else plain(met.quantity)
    price = "an unknown price" if met.entry_price is None else plain(met.entry_price)
    text = f"cycle {met.cycle}, {met.side} {size} at {price}, opened {met.opened_at.isoformat()}"
    if met.ended_at is None:
        return text
    return f"{text}, ended {met.ended_at.isoformat()} by {met.ended_by or 'no reason given'}"


def exit_said(ignored: IgnoredExit) -> str:
    """Return what an exit requested or reported."""
    said = [ignored.kind, *([] if ignored.side is None else [ignored.side.value])]
    said += [ignored.symbol or "of a symbol that cannot be read", "of account", ignored.account]
    text = " ".join(said)
    if ignored.price is not None:
        text += f" at {plain(ignored.price)}"
    return f"{text}, order {ignored.order_id}" if ignored.order_id else text


def exit_met(ignored: IgnoredExit) -> Iterator[str]:
    """Yield what an exit could have meant, one per line, and whether it needs attention."""
    for name, met in (("open", ignored.open), ("last", ignored.last)):
        if met is None:
            yield f"{name}: none"
        else:
            yield f"{name}: {cycle_met(met)}, position {met.position_id}"
    if ignored.rule is not None:
        yield f"rule: {ignored.rule}, {_RULES[ignored.rule]}"
    if ignored.held_by is not None:
        yield f"held by account {ignored.held_by} alone"
    yield "expected: no action needed" if ignored.expected else "not expected: compare it with the venue"
