"""Who ended a position, and which policies that ends.

A close or reduction that the recorded exits made ends or reduces the policies whose plan equals the recorded one in
everything. Other policies go on until their own exit, the next recorded entry of the account and symbol, or the
horizon. A close by the trader or the venue ends every policy, and their reductions reduce every policy.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from statistics import median_high
from uuid import UUID

from msgspec import Struct

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.positions.ended_by import EndedBy, ReasonTable
from exitbrain.domain.positions.shipped_reasons import SHIPPED_REASONS
from exitbrain.domain.simulation.exit_setup import ExternalClose
from exitbrain.domain.simulation.plan import Change, Plan, Reduced
from exitbrain.domain.values import changed, ms_of

HOLDS, LEAST_HORIZON = 10, timedelta(hours=24)
"""The default horizon: so many median holds of the recorded positions, but at least this long."""


class UnknownCloses(StrEnum):
    """Who is taken to have made a close or reduction of unknown origin."""

    TRADER = "trader"
    EXITS = "exits"
    INFER = "infer"
    """The exits where the recorded plan, walked, exits near it in time and price; else the trader."""


class AfterClose(StrEnum):
    """How long a policy goes on after a recorded close that does not end it."""

    NEXT_ENTRY = "next-entry"
    HORIZON = "horizon"


class Reading(Struct, frozen=True):
    """One way to read the recorded closes."""

    unknown: UnknownCloses = UnknownCloses.TRADER
    after: AfterClose = AfterClose.NEXT_ENTRY


READINGS = tuple(
    Reading(unknown, after) for unknown in (UnknownCloses.TRADER, UnknownCloses.EXITS) for after in AfterClose
)
"""The readings under which a verdict must be the same."""


class CloseRules(Struct, frozen=True):
    """How recorded closes are read; a `horizon_ms` of None is the default, see `horizon_of`."""

    table: ReasonTable = SHIPPED_REASONS
    reading: Reading = Reading()
    horizon_ms: int | None = None

    def __post_init__(self) -> None:
        if self.horizon_ms is not None and self.horizon_ms <= 0:
            raise InvalidValue("horizon in ms", self.horizon_ms, "above 0")


class Makers(Struct, frozen=True):
    """Who made the close of a position, None if it is open, and each reduction by its receipt."""

    close: EndedBy | None
    reductions: Mapping[UUID, EndedBy]

    def read(self, by: EndedBy) -> "Makers":
        """Return the same makers with every unknown one replaced."""
        return Makers(
            by if self.close is EndedBy.UNKNOWN else self.close,
            {each: by if made is EndedBy.UNKNOWN else made for each, made in self.reductions.items()},
        )

    @property
    def some_by_exits(self) -> bool:
        """Return whether the exits made anything, or may have."""
        made = (self.close, *self.reductions.values())
        return EndedBy.EXITS in made or EndedBy.UNKNOWN in made

    @property
    def some_unknown(self) -> bool:
        """Return whether anybody is unknown."""
        return self.close is EndedBy.UNKNOWN or EndedBy.UNKNOWN in self.reductions.values()


def makers_of(position: RecordedPosition, table: ReasonTable) -> Makers:
    """Return who made the close and the reductions of a position; a reason without a row is unknown."""
    closed = position.closed
    return Makers(
        None if closed is None else table.of(closed.reason) or EndedBy.UNKNOWN,
        {each: table.of(reason) or EndedBy.UNKNOWN for each, reason in position.reduced_because.items()},
    )


def unmatched_reasons(positions: Sequence[RecordedPosition], table: ReasonTable) -> list[str]:
    """Return the reasons of closes and reductions that no row of the table matches, each once."""
    reasons: dict[str, None] = {}
    for position in positions:
        if position.closed is not None:
            reasons[position.closed.reason] = None
        reasons |= dict.fromkeys(position.reduced_because.values())
    return sorted(reason for reason in reasons if table.of(reason) is None)


def horizon_of(positions: Sequence[RecordedPosition]) -> int:
    """Return the default horizon in milliseconds: ten median recorded holds, and at least 24 hours."""
    holds = [
        ms_of(each.closed.stamp.occurred_at) - ms_of(each.opened_at)
        for each in positions
        if each.closed is not None
    ]
    least = LEAST_HORIZON // timedelta(milliseconds=1)
    return max(least, HOLDS * median_high(holds)) if holds else least


class RecordedEnd(Struct, frozen=True):
    """How a position ended in the record: its close, None if it did not, and how long other policies may go on."""

    close: ExternalClose | None
    next_entry_ms: int | None
    horizon_ms: int

    def until_ms(self, after: AfterClose) -> int:
        """Return until when a policy that the close does not end is followed."""
        assert self.close is not None
        horizon = self.close.at_ms + self.horizon_ms
        if after is AfterClose.HORIZON or self.next_entry_ms is None:
            return horizon
        return min(horizon, max(self.close.at_ms, self.next_entry_ms))

    def applied(
        self, plan: Plan, reductions: Sequence[UUID], makers: Makers, after: AfterClose, *, made_it: bool
    ) -> Plan:
        """Return a plan with its end; `reductions` are the receipts of its reductions, in order.

        `made_it` says that the plan equals the recorded one, so that what the exits did is what it did.
        """
        if not made_it and EndedBy.EXITS in makers.reductions.values():
            plan = changed(plan, changes=without(plan, reductions, makers, EndedBy.EXITS))
        if self.close is None:
            return plan
        if makers.close is EndedBy.EXITS and not made_it:
            return changed(plan, until_ms=self.until_ms(after))
        return changed(plan, setup=changed(plan.setup, external=self.close))


def without(plan: Plan, reductions: Sequence[UUID], makers: Makers, by: EndedBy) -> tuple[Change, ...]:
    """Return the changes of a plan without the reductions that somebody made."""
    receipts = iter(reductions)
    return tuple(
        [
            change
            for change in plan.changes
            if not isinstance(change, Reduced) or makers.reductions[next(receipts)] is not by
        ]
    )
