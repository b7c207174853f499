"""What commands say of an exit that ended nothing."""

from collections.abc import Iterator

from exitbrain.domain.receipt import Cycle, IgnoredExit
from exitbrain.domain.values import plain_or_none
from exitbrain.infrastructure.cli import reports
from exitbrain.infrastructure.exit_wording import exit_met, exit_said


def reported(ignored: IgnoredExit) -> reports.IgnoredExit:
    """Return an exit that ended nothing as it is printed with `--json`."""
    return reports.IgnoredExit(
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


def in_words(ignored: IgnoredExit) -> Iterator[str]:
    """Yield an exit that ended nothing for people, a line each."""
    yield f"  an exit that ended nothing: {exit_said(ignored)}"
    yield from (f"    {line}" for line in exit_met(ignored))


def _met(met: Cycle | None) -> reports.MetPosition | None:
    if met is None:
        return None
    return reports.MetPosition(
        position_id=str(met.position_id),
        cycle=met.cycle,
        side=met.side.value,
        entry_price=plain_or_none(met.entry_price),
        quantity=plain_or_none(met.quantity),
        opened_at=met.opened_at,
        ended_by=met.ended_by,
        ended_at=met.ended_at,
    )
