"""Events in words: one sentence for each class of the catalogue."""

from collections.abc import Callable
from decimal import Decimal

from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.levels.instrument import InstrumentSnapshotTaken
from exitbrain.domain.levels.levels import LEVELS, RawLevels
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.configuration import IntakeConfigured
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import (
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegistered
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Result,
)
from exitbrain.domain.store import EpochRaised, StoreOpened
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.presentation.wording import number, percent, refusal, short


def sentence_of(event: ExitEvent, unit: Unit | None = None) -> str:
    """Return the sentence for an event, empty if its name is enough; levels are in the unit of their policy."""
    say = SENTENCES[type(event)]
    return say(event, unit) if isinstance(event, LevelsComputed) else say(event)


def _nothing_more(_: ExitEvent) -> str:
    return ""


def _registered(registered: PolicyRegistered) -> str:
    return f"{registered.name}, formula {registered.formula}, in {registered.unit}, by {registered.by}"


def _activated(activated: PolicyActivated) -> str:
    return f"{activated.name} for {activated.scope}, by {activated.by}"


def _opened(opened: PositionOpened) -> str:
    size = f"{_amount(opened.quantity)} at {_amount(opened.entry_price)}"
    return f"{opened.side} {size}, leverage {number(opened.leverage)}, cycle {opened.cycle}"


def _increased(increased: PositionIncreased) -> str:
    added = f"by {_amount(increased.added_quantity)} at {_amount(increased.added_price)}"
    return f"{added}; now {_amount(increased.quantity)} at {_amount(increased.entry_price)}"


def _leverage_changed(changed: LeverageChanged) -> str:
    return f"from {number(changed.before)} to {number(changed.after)}"


def _reduced(reduced: PositionReduced) -> str:
    return f"by {_amount(reduced.by)}; {_amount(reduced.quantity)} left"


def _closed(closed: PositionClosed) -> str:
    at = "" if closed.exit_price is None else f" at {_amount(closed.exit_price)}"
    if closed.result is None:
        return f"{closed.reason or 'no reason given'}{at}, result unknown"
    how = "computed" if closed.result.computed else "reported"
    result = f"result {short(closed.result.pnl_percent)} % ({how}{_as_counted(closed.result)})"
    return f"{closed.reason or 'no reason given'}{at}, {result}"


def _reported(reported: CloseReported) -> str:
    at = "" if reported.exit_price is None else f" at {_amount(reported.exit_price)}"
    pnl = "" if reported.pnl_percent is None else f", result {short(reported.pnl_percent)} %"
    counts = (
        "does not count: one was known, or none is said"
        if reported.result is None
        else f"counts{_as_counted(reported.result)}"
    )
    return f"report of the end{at}{pnl}; {counts}"


def _plan_opened(opened: ExitPlanOpened) -> str:
    return f"for {_amount(opened.quantity)}"


def _computed(computed: LevelsComputed, unit: Unit | None) -> str:
    return f"revision {computed.revision}, {computed.policy.name}: {_levels(computed.levels.raw, unit)}"


def _refused(refused: LevelsRefused) -> str:
    return f"revision {refused.revision}, {refused.policy.name}: {refusal(refused.levels.raw)}"


def _resized(resized: ExitPlanResized) -> str:
    legs = ", ".join(f"{leg.level} {_amount(leg.quantity)}" for leg in resized.legs)
    return f"{_amount(resized.quantity)} left{': ' if legs else ''}{legs}"


def _ended(ended: ExitPlanCompleted | ExitPlanCancelled) -> str:
    return ended.reason or "no reason given"


SENTENCES: dict[type[ExitEvent], Callable[..., str]] = {
    StoreOpened: _nothing_more,
    EpochRaised: _nothing_more,
    PolicyRegistered: _registered,
    PolicyActivated: _activated,
    IntakeConfigured: _nothing_more,
    MessageReceived: _nothing_more,
    KeyClaimed: _nothing_more,
    InstrumentSnapshotTaken: _nothing_more,
    PositionOpened: _opened,
    PositionIncreased: _increased,
    LeverageChanged: _leverage_changed,
    PositionReduced: _reduced,
    PositionClosed: _closed,
    CloseReported: _reported,
    ExitPlanOpened: _plan_opened,
    LevelsComputed: _computed,
    LevelsRefused: _refused,
    ExitPlanResized: _resized,
    ExitPlanCompleted: _ended,
    ExitPlanCancelled: _ended,
}
"""The sentence for each event; a new event needs a line here."""


def _as_counted(result: Result) -> str:
    """Return the value a result counts as, if it is not the result itself."""
    if result.counted == result.pnl_percent:
        return ""
    return f", in the average as {short(result.counted)} %"


def _levels(raw: RawLevels, unit: Unit | None) -> str:
    values = [getattr(raw, level) for level in LEVELS]
    texts = map(number, values) if unit is None else (percent(unit.to_fraction(value)) for value in values)
    return ", ".join(f"{level.upper()} {text}" for level, text in zip(LEVELS, texts, strict=True))


def _amount(amount: Decimal | None) -> str:
    return "an unknown amount" if amount is None else short(amount)
