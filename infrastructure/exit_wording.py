"""How exits that ended nothing are put into words, for the log and for who looks one up."""

from collections.abc import Iterator

from exitbrain.domain.receipt import Cycle, IgnoredExit
from exitbrain.domain.values import Whose, plain

_RULES = {
    Whose.NAMED: "the side or the entry price that it names fits only one of them",
    Whose.STREAM_ORDER: "its stream id is older than the open position",
    Whose.AWAITED_REPORT: "an intent had ended the last position, whose report was still to come",
    Whose.PAYLOAD_TIME: "its own time lies within the last position, by the same clock",
    Whose.OPEN_POSITION: "nothing says that it means another",
}


def cycle_met(met: Cycle) -> str:
    """Return a position that an exit met, and when it was open."""
    size = "an unknown quantity" if met.quantity is None else plain(met.quantity)
    price = "an unknown price" if met.entry_price is None else plain(met.entry_price)
    text = f"cycle {met.cycle}, {met.side} {size} at {price}, opened {met.opened_at.isoformat()}"
    if met.ended_at is None:
        return text
    return f"{text}, ended {met.ended_at.isoformat()} by {met.ended_by or 'no reason given'}"


def exit_said(ignored: IgnoredExit) -> str:
    """Return what an exit asked for or reported."""
    said = [ignored.kind, *([] if ignored.side is None else [ignored.side.value])]
    said += [ignored.symbol or "of a symbol that cannot be read", "of account", ignored.account]
    text = " ".join(said)
    if ignored.price is not None:
        text += f" at {plain(ignored.price)}"
    return f"{text}, order {ignored.order_id}" if ignored.order_id else text


def exit_met(ignored: IgnoredExit) -> Iterator[str]:
    """Yield what an exit met, a line each, and whether somebody should look."""
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
