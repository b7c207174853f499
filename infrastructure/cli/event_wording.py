"""How the events of positions, plans and the policy register are put into words."""

from decimal import Decimal

from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.exit_plan import (
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.levels import LEVELS, RawLevels
from exitbrain.domain.policy_register import PolicyActivated, PolicyRegistered, RegisterEvent
from exitbrain.domain.position_events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
    Result,
)
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.wording import number, percent, refusal, short


def sentence_of(happened: ExitEvent, unit: Unit | None = None) -> str:
    """Return what an event of a position, a plan or the register says; levels are read in the unit of their policy."""
    match happened:
        case PositionOpened():
            size = f"{_amount(happened.quantity)} at {_amount(happened.entry_price)}"
            return f"{happened.side} {size}, leverage {number(happened.leverage)}, cycle {happened.cycle}"
        case PositionIncreased():
            added = f"by {_amount(happened.added_quantity)} at {_amount(happened.added_price)}"
            return f"{added}; now {_amount(happened.quantity)} at {_amount(happened.entry_price)}"
        case LeverageChanged():
            return f"from {number(happened.before)} to {number(happened.after)}"
        case PositionReduced():
            return f"by {_amount(happened.by)}; {_amount(happened.quantity)} left"
        case PositionClosed():
            return _closed(happened)
        case CloseReported():
            return _reported(happened)
        case ExitPlanOpened():
            return f"for {_amount(happened.quantity)}"
        case LevelsComputed():
            return (
                f"revision {happened.revision}, {happened.policy.name}: {_levels(happened.levels.raw, unit)}"
            )
        case LevelsRefused():
            return f"revision {happened.revision}, {happened.policy.name}: {refusal(happened.levels.raw)}"
        case ExitPlanResized():
            legs = ", ".join(f"{leg.level} {_amount(leg.quantity)}" for leg in happened.legs)
            return f"{_amount(happened.quantity)} left{': ' if legs else ''}{legs}"
        case ExitPlanCompleted() | ExitPlanCancelled():
            return happened.reason or "no reason given"
        case PolicyRegistered() | PolicyActivated():
            return _of_the_register(happened)
    return ""


def _of_the_register(happened: RegisterEvent) -> str:
    if isinstance(happened, PolicyRegistered):
        return f"{happened.name}, formula {happened.formula}, in {happened.unit}, by {happened.by}"
    return f"{happened.name} for {happened.scope}, by {happened.by}"


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


def _as_counted(result: Result) -> str:
    """Return as what a result counts where that is not what it is, else nothing."""
    if result.counted == result.pnl_percent:
        return ""
    return f", in the average as {short(result.counted)} %"


def _levels(raw: RawLevels, unit: Unit | None) -> str:
    values = [getattr(raw, level) for level in LEVELS]
    texts = map(number, values) if unit is None else (percent(unit.to_fraction(value)) for value in values)
    return ", ".join(f"{level.upper()} {text}" for level, text in zip(LEVELS, texts, strict=True))


def _amount(amount: Decimal | None) -> str:
    return "an unknown amount" if amount is None else short(amount)
