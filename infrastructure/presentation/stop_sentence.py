"""Why the stop is where it is, in one sentence: base, factors, limits, rounding."""

from collections.abc import Iterator
from decimal import Decimal

from exitbrain.application.queries.explain import Explanation
from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.levels import Triggers, rounded_distances
from exitbrain.domain.values import plain
from exitbrain.infrastructure.presentation.wording import number, percent, percents, refusal


def stop_sentence(explanation: Explanation) -> str:
    """Return the sentence. Its numbers multiply to the stop, within the four digits that they show.

    A refusal says why there is no stop; an engine without a derivation is named.
    """
    raw = explanation.levels.raw
    if not explanation.lines:
        return f"{'; '.join(_without_derivation(explanation))}."
    if raw.refusal is not None:
        return f"No levels, because {refusal(raw)}; the formula gives a stop of {_free(explanation)} = {_product(explanation)}."
    return f"{'; '.join(_with_derivation(explanation))}."


def _without_derivation(explanation: Explanation) -> Iterator[str]:
    raw, engine = explanation.levels.raw, explanation.engine
    if raw.refusal is not None:
        yield f"No levels, because {refusal(raw)}"
    else:
        yield f"SL {percent(explanation.distances.sl)}"
        yield _price(explanation)
    yield f"computed by {engine}, which gives no derivation"


def _with_derivation(explanation: Explanation) -> Iterator[str]:
    bounds = [bound for bound in explanation.levels.binding if bound.level == "sl"]
    limits = [text for bound in bounds if (text := _limit(explanation, bound))]
    if limits:
        free = f"{_product(explanation)} = {_free(explanation)}"
        yield f"SL {percent(explanation.distances.sl)}: {free}, {', then '.join(limits)}"
    else:
        yield f"SL {percent(explanation.distances.sl)} = {_product(explanation)}"
    yield _price(explanation)
    if any(bound.constraint == "liquidation_unknown" for bound in bounds):
        yield "liquidation price unknown, so no limit from it"
    if not limits:
        yield "nothing clamped"


def _product(explanation: Explanation) -> str:
    """Return the stop before limits as base times factors: the step `sl_free` of the formulas."""
    value = _values(explanation)
    base = percent(explanation.policy.unit.to_fraction(value["base_sl"]))
    by_leverage = 1.0 + (1.0 - value["lsf"]) * value["leverage_weight"]
    moved = [name for name in ("volatility", "divergence") if value[name] * value[f"{name}_weight"] != 0.0]
    rest = " and ".join(moved) or "volatility"
    return f"base {base} × {_factor(by_leverage)} for leverage × {_factor(value['sl_scale'])} for {rest}"


def _free(explanation: Explanation) -> str:
    return percent(explanation.policy.unit.to_fraction(_values(explanation)["sl_free"]))


def _limit(explanation: Explanation, bound: Bound) -> str:
    """Return what a constraint did to the stop; empty for one that is no limit."""
    value, limit = _values(explanation), percent(explanation.policy.unit.to_fraction(bound.after))
    match bound.constraint:
        case "sl_min" | "clamp_min":
            return f"raised to the minimum {limit}"
        case "clamp_max":
            return f"lowered to the maximum {limit}"
        case "cost_floor":
            return (
                f"raised to {limit} = {_factor(value['sl_costs'])} × round-trip cost {percent(value['cost'])}"
            )
        case "liquidation_cap":
            distance, cost = percents(value["liquidation_distance"], value["cost"])
            share = _factor(value["liquidation_share"])
            return f"lowered to {limit} = {share} × (liquidation at {distance} - cost {cost})"
        case _:
            return ""


def _price(explanation: Explanation) -> str:
    """Return the trigger price of the stop, with its distance if rounding changed what is shown of it."""
    triggers, inputs, instrument = explanation.levels.triggers, explanation.inputs, explanation.instrument
    if triggers is None or inputs.entry_price is None:
        return "no price, because the entry price is unknown"
    price = plain(triggers.sl)
    if instrument is None or instrument.tick_size is None:
        return f"at {price}, not rounded because the tick is unknown"
    if not any((bound.level, bound.constraint) == ("sl", "tick") for bound in explanation.levels.rounding):
        return f"at {price}, which is on the tick"
    prices = Triggers(*(Decimal(getattr(triggers, name)) for name in ("tp1", "tp2", "tp3", "sl")))
    away = percent(rounded_distances(inputs.entry_price, inputs.side, prices).sl)
    moved = "" if away == percent(explanation.distances.sl) else f", now {away} away"
    return f"rounded to the tick at {price}{moved}"


def _values(explanation: Explanation) -> dict[str, float]:
    return {line.name: line.value for line in explanation.lines}


def _factor(value: float) -> str:
    return number(float(f"{value:.4g}"))
