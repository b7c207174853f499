"""The table of guards: their names in order, when each passes, its figures, and why it may be unknown."""

from math import nextafter

from msgspec import Struct

from exitbrain.domain.levels.levels import TARGETS

PASSED, FAILED, UNKNOWN = range(3)
"""The states of a guard."""

STOP_COSTS = 2.0
"""The minimum stop distance, in round-trip costs."""

REASONS = (
    "the levels were refused",
    "the time of the message is not known",
    "no leverage brackets",
    "no tick size",
    "no entry price",
    "no step size",
    "no quantity",
)
"""Why a guard may not be checkable. The mirror stores indexes into this tuple."""

REFUSED, NO_TIME, NO_BRACKETS, NO_TICK, NO_PRICE, NO_STEP, NO_QUANTITY = REASONS


class InputRange(Struct, frozen=True):
    """The allowed range of a signal input, both ends included."""

    low: float
    high: float
    text: str


RANGES = {
    "volatility": InputRange(0.0, 3.0, "0 to 3"),
    "divergence": InputRange(0.0, 1.0, "0 to 1"),
    "funding": InputRange(nextafter(-0.03, 0.0), nextafter(0.03, 0.0), "-0.03 to 0.03"),
    "confidence": InputRange(0.0, 1.0, "0 to 1"),
    # A price return in percent. One result at the largest counted return makes the mean of a full window 50.
    "average_pnl": InputRange(-20.0, 20.0, "-20 to 20 %"),
}


class GuardRule(Struct, frozen=True):
    """One guard: when it passes, the names of its figures when it fails, and why it may not be checkable."""

    passes: str
    figures: tuple[str, ...]
    unknown: tuple[str, ...] = ()


SIGNAL_RULES = {
    "leverage_is_known": GuardRule("leverage was given, not assumed", ("assumed",)),
    "inputs_in_range": GuardRule(
        ", ".join(f"{name} {allowed.text}" for name, allowed in RANGES.items()), tuple(RANGES)
    ),
    "intent_is_fresh": GuardRule(
        "when it is recorded the message is at most the configured age old, and at most as far in the future",
        ("age_s", "max_age_s"),
        (NO_TIME,),
    ),
    "price_is_known": GuardRule(
        "entry price and quantity are known", ("entry_price_known", "quantity_known")
    ),
}
LEVEL_RULES = {
    "stop_wider_than_costs": GuardRule(
        "the stop distance is at least twice the round-trip cost", ("stop", "cost", "needed"), (REFUSED,)
    ),
    "stop_inside_liquidation": GuardRule(
        "stop plus round-trip cost is nearer than the liquidation price, for what is open after 0, 1 and 2 targets, "
        "and a bracket allows the leverage",
        ("stop_with_costs", "liquidation", "targets_filled", "leverage_allowed"),
        (NO_BRACKETS, REFUSED),
    ),
    "targets_beyond_costs": GuardRule(
        "the nearest target is beyond the round-trip cost", ("tp1", "cost"), (REFUSED,)
    ),
    "targets_increasing": GuardRule(
        "each target is beyond the one before it: TP1 < TP2 < TP3", TARGETS, (REFUSED,)
    ),
    "levels_on_distinct_ticks": GuardRule(
        "after rounding no two levels coincide, none lies on the entry, none is at or below 0",
        ("entry", *TARGETS, "sl"),
        (NO_TICK, NO_PRICE, REFUSED),
    ),
    "slices_placeable": GuardRule(
        "each slice is at least one step and worth the minimum notional, and together they are the position",
        ("quantity", "placeable", "slices"),
        (NO_STEP, NO_QUANTITY, NO_PRICE, REFUSED),
    ),
}
RULES = SIGNAL_RULES | LEVEL_RULES
"""The guards in order: the only list of their names, figures and reasons.

The figures are those of a plan whose targets all have a share. A target without a share is left out, and the
nearest placed target replaces `tp1`. `inputs_in_range` lists only the inputs outside their range.
"""

ON_THE_SIGNAL, ON_THE_LEVELS, GUARDS = tuple(SIGNAL_RULES), tuple(LEVEL_RULES), tuple(RULES)
