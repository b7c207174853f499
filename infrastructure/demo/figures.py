"""The figures of plans, LSF and what-if that the tour shows, with the claims it checks."""

import re
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from exitbrain.domain.levels.levels import LEVELS
from exitbrain.domain.values import ms_of
from exitbrain.infrastructure.demo.candles import MINUTE_MS, SYNTHETIC
from exitbrain.infrastructure.demo.tour import Found
from exitbrain.infrastructure.presentation.result_units import between
from exitbrain.infrastructure.presentation.wording import number, percent

_SOON_MS = 5 * MINUTE_MS
_PARTS = ("leverage_effect", "pnl_effect", "confidence_effect", "policy_effect")
_SCRIPT = re.compile(r"(<script\b[^>]*>).*?</script>", re.DOTALL)
_LOADED = re.compile(r"""<[a-z]+\b[^>]*?\s(?:src|href|data|action)=["']?[^"'#\s>]""")


def guards_in(state: str, found: Found) -> set[str]:
    """Return the guards of an explained plan with a given state."""
    return {guard["name"] for guard in found["guards"] if guard["state"] == state}


def plan(found: Found) -> Iterator[str]:
    """Yield the levels of an explained plan, and the finding of the cost guard."""
    for level in LEVELS:
        distance = found[level] if found["unit"] == "percent" else 100 * found[level]
        bounds = [bound["constraint"] for bound in found["binding"] if bound["level"] == level]
        yield f"{level.upper():<5}{distance:.3f} %, at {found['trigger_prices'][level]}, bound by {' and '.join(bounds)}"
    yield from (guard["detail"] for guard in found["guards"] if "cost" in guard["detail"])


def parts_of_change(found: Found) -> Iterator[str]:
    """Yield a change of the LSF, and the effect of each input."""
    (change,) = found["changes"]
    yield f"LSF {change['before']:.6f}, then {change['after']:.6f}; the exact difference and its parts:"
    yield from (f"  {name.removesuffix('_effect'):<11}{change[name]:>58}" for name in ("delta", *_PARTS))


def parts_sum_up(found: Found) -> bool:
    """Return whether the parts of the change sum to it, leverage and PnL having one each."""
    (change,) = found["changes"]
    parts = [Fraction(change[name]) for name in _PARTS]
    return sum(parts) == Fraction(change["delta"]) and all(parts[:2])


def lsf_inputs(found: Found) -> Iterator[str]:
    """Yield what an LSF was computed from."""
    value = {line["name"]: line["value"] for line in found["lines"]}
    inputs = f"{number(value['leverage'])}x, average PnL {value['average_pnl']:+.3f} %, confidence {value['confidence']}"
    yield f"{inputs}: PnL factor {found['pnl_factor']}, LSF {found['lsf_adjusted']:.6f}"


def way_to_tp1(found: Found) -> Iterator[str]:
    """Yield what an LSF was computed from, and the lines of the derivation that lead to TP1."""
    yield from lsf_inputs(found)
    needed = {"tp1"}
    for line in reversed(found["lines"]):
        needed.update(line["uses"] if line["name"] in needed else ())
    lines = (line for line in found["lines"] if line["name"] in needed and line["uses"])
    yield from (f"  {line['name']} = {line['expression']}" for line in lines)
    yield f"TP1 is {found['tp1']!r}. ln is the correctly rounded logarithm."


def what_if(found: Found) -> Iterator[str]:
    """Yield the results under both policies, the causes of the difference, and the verdict."""
    outcome = found["outcome"]
    reasons = [one["because"] for one in outcome["left_out"]]
    left_out = f"{reasons.count('refused')} that v3.6 refuses, {reasons.count('not_placeable')} too small for a slice"
    yield f"{outcome['positions']} positions; left out are {left_out}"
    for policy, key, net in (("v3.5", "baseline", outcome["baseline"]), ("v3.6", "candidate", outcome)):
        result = f"{percent(net['pessimistic'])} to {percent(net['optimistic'])}"
        low, high = stopped_soon(found, key)
        yield f"  {policy}  net {result} of capital committed; {low} to {high} stopped within 5 minutes"
    yield "The difference at its lower and upper bound, and its causes:"
    lower, upper = (outcome["attribution"][end] for end in ("lower", "upper"))
    yield from (
        f"  {name:<11}{percent(float(lower[name])):>12}{percent(float(upper[name])):>12}" for name in lower
    )
    yield f"Verdict: {outcome['judgement']['verdict'].upper()}, {outcome['judgement']['effective_days']:.1f} effective days; 30 are needed."


def stopped_soon(found: Found, policy: str) -> list[int]:
    """Return how many positions the stop closes within five minutes of the entry, at best and at worst."""
    return [
        sum(_is_stopped_soon(position, position[policy][history]) for position in found["outcome"]["details"])
        for history in ("optimistic", "pessimistic")
    ]


def _is_stopped_soon(position: Found, history: Found) -> bool:
    last, opened_ms = history["legs"][-1], ms_of(datetime.fromisoformat(position["opened_at"]))
    return bool(last["level"] == "SL" and last["at"] + MINUTE_MS <= opened_ms + _SOON_MS)


def bounds_are_ordered(found: Found) -> bool:
    """Return whether no lower bound is above its upper bound."""
    outcome = found["outcome"]
    ordered = all(one["pessimistic"] <= one["optimistic"] for one in (outcome["baseline"], outcome))
    return bool(ordered and outcome["difference"]["lower"] <= outcome["difference"]["upper"])


def effects_sum_up(found: Found) -> bool:
    """Return whether the effects sum to the difference of all positions in every digit."""
    outcome = found["outcome"]
    for end in ("lower", "upper"):
        effects = {name: Fraction(text) for name, text in outcome["attribution"][end].items()}
        total = effects.pop("total")
        positions = sum(
            Fraction(one["attribution"][end]["total"]) * Fraction(one["sizes"]["committed_scale"])
            for one in outcome["details"]
        )
        if not sum(effects.values()) == total == positions:
            return False
    return True


def page_stands_alone(page: Path) -> bool:
    """Return whether a page loads nothing from elsewhere and says that its data are synthetic."""
    text = page.read_text(encoding="utf-8")
    return SYNTHETIC in text and _LOADED.search(_SCRIPT.sub(r"\1", text)) is None


def family(found: Found) -> Iterator[str]:
    """Yield the best policies of a sweep and the verdict of the walk forward."""
    asked, chosen = found["family"], found["family"]["walk_forward"]["judgement"]
    best = sorted(asked["policies"], key=lambda each: -each["difference"]["lower"])[:3]
    yield f"{asked['closes']['went_on']} positions went on after the recorded close."
    for each in best:
        difference = between(each["difference"]["lower"], each["difference"]["upper"])
        yield f"{each['policy']}  differs by {difference} of capital committed: {each['judgement']['verdict']}"
    reason = chosen["reason"].replace("_", " ")
    yield f"Walk forward, the best of the past judged on what followed: {chosen['verdict'].upper()}, {reason}."
