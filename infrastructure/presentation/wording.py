"""Sentences for guards and refusals, built from the recorded figures."""

from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Literal

from exitbrain.application.ports.market import Omitted
from exitbrain.domain.levels.guard_rules import GUARDS, RANGES
from exitbrain.domain.levels.guards import Figures, GuardReport
from exitbrain.domain.levels.levels import LEVERAGE_NOT_IN_BRACKET, NO_STOP_FITS, TARGETS, RawLevels
from exitbrain.domain.values import plain

State = Literal["passed", "failed", "unknown"]

SHORTEST_DIGITS, LONGEST_DIGITS = 4, 17
PLACES_MIN = 2

PUBLISHED_ELSEWHERE = (
    "`serve --begin-publishing-here` goes on from the end of this log under a new epoch,"
    " `serve --republish-from N` publishes this log again from position N on"
)
"""What an operator can do about streams that another store publishes to."""


def percents(*fractions: float) -> list[str]:
    """Return fractions as percents: at least two places and four digits, more if two would look the same."""
    for digits in range(SHORTEST_DIGITS, LONGEST_DIGITS + 1):
        texts = [_percent(repr(fraction), digits) for fraction in fractions]
        if len(set(texts)) == len(set(fractions)):
            return texts
    return [_percent(repr(fraction), LONGEST_DIGITS) for fraction in fractions]


def percent(fraction: float) -> str:
    """Return a fraction as a percent."""
    return percents(fraction)[0]


def number(value: float) -> str:
    """Return a double with all its digits, without exponent or a trailing ".0"."""
    return plain(Decimal(repr(value))).removesuffix(".0")


def exactly(amount: Decimal) -> str:
    """Return a Decimal with all its digits, without exponent or trailing zeros."""
    text = plain(amount)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def short(amount: Decimal) -> str:
    """Return a Decimal with at most ten digits."""
    return plain(Context(prec=10).plus(amount))


@lru_cache(maxsize=4096)  # costs are the same for most decisions, and few different stops are computed
def _percent(fraction: str, digits: int) -> str:
    value = Decimal(fraction).scaleb(2)
    text = plain(_rounding(max(digits, value.adjusted() + 1 + PLACES_MIN)).plus(value))
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(PLACES_MIN, '0')} %"


@lru_cache
def _rounding(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN)


def findings(report: GuardReport) -> Iterator[tuple[str, State, str]]:
    """Yield name, state and sentence of each guard, in the order of the guards."""
    for name in GUARDS:
        if name in report.failed:
            yield name, "failed", failure(name, report.failed[name])
        elif name in report.unknown:
            yield name, "unknown", report.unknown[name]
        elif name in report.passed:
            yield name, "passed", ""


def failure(name: str, figures: Figures) -> str:
    """Return the sentence about a guard that failed."""
    return _FAILURES[name](figures)


def refusal(raw: RawLevels) -> str:
    """Return why there are no levels."""
    if raw.refusal == NO_STOP_FITS:
        floor, cap = percents(raw.floor, raw.cap)
        return f"no stop fits: it would have to be at least {floor} (costs) and at most {cap} (liquidation)"
    if raw.refusal == LEVERAGE_NOT_IN_BRACKET:
        return "no bracket of this size allows the leverage"
    return str(raw.refusal)


def unplaceable(report: GuardReport) -> str:
    """Return why a plan cannot be placed."""
    return _unplaceable(report.failed["slices_placeable"])


def entries(count: int) -> str:
    """Return a number of entries with its verb."""
    return "1 entry is" if count == 1 else f"{count} entries are"


def _leverage_assumed(figures: Figures) -> str:
    return f"leverage {number(figures['assumed'])} is assumed, the message has none"


def _outside(figures: Figures) -> str:
    parts = [f"{field} {number(value)} is outside {RANGES[field].text}" for field, value in figures.items()]
    return ", ".join(parts)


def _stale(figures: Figures) -> str:
    age_s, allowed = figures["age_s"], f"at most {_duration(figures['max_age_s'])} is allowed"
    if age_s < 0:
        return f"message is {_duration(-age_s)} in the future, {allowed}"
    return f"message is {_duration(age_s)} old, {allowed}"


def _duration(seconds: float) -> str:
    days = seconds / 86_400
    return f"{number(seconds)} s" if days < 1 else f"{days:,.1f} days"


def _price_unknown(figures: Figures) -> str:
    missing = [
        name
        for name, key in (("entry price", "entry_price_known"), ("quantity", "quantity_known"))
        if not figures[key]
    ]
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} unknown"


def _stop_within_costs(figures: Figures) -> str:
    stop, cost, _ = percents(figures["stop"], figures["cost"], figures["needed"])
    if figures["stop"] < figures["cost"]:
        return f"stop {stop} is inside round-trip cost {cost}"
    return f"stop {stop} is less than twice round-trip cost {cost}"


def _liquidated_first(figures: Figures) -> str:
    if figures["leverage_allowed"] <= 0:
        return "no bracket of this size allows the leverage"
    stop, liquidation = percents(figures["stop_with_costs"], figures["liquidation"])
    filled = int(figures["targets_filled"])
    when = f" once {filled} target{'s are' if filled > 1 else ' is'} reached" if filled else ""
    return f"stop with costs {stop} is not inside liquidation at {liquidation}{when}"


def _target_within_costs(figures: Figures) -> str:
    nearest = next(level for level in TARGETS if level in figures)
    target, cost = percents(figures[nearest], figures["cost"])
    return f"{nearest.upper()} {target} does not exceed round-trip cost {cost}"


def _not_increasing(figures: Figures) -> str:
    targets = percents(*figures.values())
    return f"targets {', '.join(targets)} do not increase"


def _same_tick(figures: Figures) -> str:
    below_zero = [name for name, price in figures.items() if price <= 0]
    if below_zero:
        return f"{', '.join(below_zero)} after rounding: no price above 0"
    at: dict[float, list[str]] = {}
    for name, price in figures.items():
        at.setdefault(price, []).append(name)
    together = [
        f"{' and '.join(names)} are at {number(price)}" for price, names in at.items() if len(names) > 1
    ]
    return f"{', '.join(together)} after rounding"


def _unplaceable(figures: Figures) -> str:
    quantity, placeable = number(figures["quantity"]), number(figures["placeable"])
    return f"of {quantity} only {placeable} can be placed, in {number(figures['slices'])} slices"


_FAILURES: dict[str, Callable[[Figures], str]] = {
    "leverage_is_known": _leverage_assumed,
    "inputs_in_range": _outside,
    "intent_is_fresh": _stale,
    "price_is_known": _price_unknown,
    "stop_wider_than_costs": _stop_within_costs,
    "stop_inside_liquidation": _liquidated_first,
    "targets_beyond_costs": _target_within_costs,
    "targets_increasing": _not_increasing,
    "levels_on_distinct_ticks": _same_tick,
    "slices_placeable": _unplaceable,
}


def left_out_lines(left_out: Sequence[Omitted], remarks: Sequence[str]) -> Iterator[str]:
    """Yield a line for everything that was left out, and for every remark on the files."""
    for one in left_out:
        yield f"Left out: {one.where}: {one.reason}."
    for remark in remarks:
        yield f"Note: {remark}."
