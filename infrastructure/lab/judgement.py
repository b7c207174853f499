"""The judgement of a decision as 64 bits, so that a kernel can compare what the record says beside the levels.

The digest covers what the level columns do not hold: what bound the levels, why guards were not checkable, the
figures of the guards that failed, and the trigger prices. It starts at SEED and takes one word after another:

    digest = rotate_left(digest ^ word, 27) * FACTOR        (in 64 bits)

Each step can be undone for a known word, and for a known digest it gives each word another result: whoever changes
one single word changes the digest, always. A double enters as its 64 bits. The words of one decision, in order:

1. for each bound of the formula, in the order it happened: `bound_word(level, constraint)`, before, after;
2. `closing_word(bounds, reasons)`: how many bounds there were, and for each guard why it was not checkable;
3. for each guard that failed, in the order of GUARDS: `guard_word(guard, mask)`, then its figures, in the order of
   FIGURES; the mask has bit n set where the n-th of them is there (only `inputs_in_range` leaves some out);
4. `NO_TRIGGERS`; or `TRIGGERS` and the four trigger prices tp1, tp2, tp3, sl as doubles.

A judgement with rounding to ticks, slices, Decimal prices or names that are not listed here has no digest: such a
decision is judged by the row lane. `judgement_of` is the definition; kernels repeat it with `mixed` and `bits_of`.
"""

import struct

import numpy as np

from exitbrain.domain.decision import JudgedLevels
from exitbrain.domain.guards import GUARDS, REFUSED, GuardReport
from exitbrain.domain.levels import LEVELS
from exitbrain.infrastructure.lab.jit import jit

CONSTRAINTS = (
    "tp_min",
    "sl_min",
    "clamp_min",
    "clamp_max",
    "cost_floor",
    "liquidation_cap",
    "liquidation_unknown",
    "spacing",
)
FIGURES = {
    "leverage_is_known": ("assumed",),
    "inputs_in_range": ("volatility", "divergence", "funding", "confidence"),
    "intent_is_fresh": ("age_s", "max_age_s"),
    "price_is_known": ("entry_price_known", "quantity_known"),
    "stop_wider_than_costs": ("stop", "cost", "needed"),
    "stop_inside_liquidation": ("stop_with_costs", "liquidation", "targets_filled", "leverage_allowed"),
    "targets_beyond_costs": ("tp1", "cost"),
    "targets_increasing": ("tp1", "tp2", "tp3"),
    "levels_on_distinct_ticks": ("entry", "tp1", "tp2", "tp3", "sl"),
    "slices_placeable": ("quantity", "placeable", "slices"),
}
"""The figures of each guard that fails, in the order of GUARDS and as the domain writes them."""

REASONS = (
    REFUSED,
    "the time of the message is not known",
    "no leverage brackets",
    "no tick size",
    "no entry price",
    "no step size",
    "no quantity",
)
"""Why a guard may not be checkable; its code is its place here + 1, and 0 says that the guard was checked."""

PASSED, FAILED, UNKNOWN = 0, 1, 2
"""The state of a guard, two bits for each in the order of GUARDS, the first in the lowest bits."""

NO_TRIGGERS, TRIGGERS = 0, 1

SEED = np.uint64(0x243F6A8885A308D3)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LEFT, _RIGHT = np.uint64(27), np.uint64(64 - 27)
_WORD = (1 << 64) - 1
_PARTIAL = "inputs_in_range"


@jit
def mixed(digest: np.uint64, word: np.uint64) -> np.uint64:
    """Return the digest with one more word."""
    digest = np.uint64(digest) ^ np.uint64(word)  # numba makes a double of a mixture with a signed one
    return ((digest << _LEFT) | (digest >> _RIGHT)) * FACTOR


@jit
def bits_of(value: float) -> np.uint64:
    """Return the 64 bits of a double."""
    return np.float64(value).view(np.uint64)


def bound_word(level: str, constraint: str) -> int:
    """Return the word that names a bound."""
    return LEVELS.index(level) << 8 | CONSTRAINTS.index(constraint)


def guard_word(guard: str, mask: int) -> int:
    """Return the word that names a failed guard and which of its figures follow."""
    return mask << 8 | GUARDS.index(guard)


def closing_word(bounds: int, reasons: int) -> int:
    """Return the word between the bounds and the figures; `reasons` holds four bits for each guard."""
    return reasons << 8 | bounds


def reason_bits(guard: str, reason: str) -> int:
    """Return what a guard that was not checkable adds to the reasons."""
    return (REASONS.index(reason) + 1) << 4 * GUARDS.index(guard)


def judgement_of(levels: JudgedLevels) -> int | None:
    """Return the digest, None where columns can not hold this judgement."""
    words = _words(levels)
    if words is None:
        return None
    digest = int(SEED)
    for word in words:
        digest ^= word
        digest = (digest << 27 | digest >> 37) & _WORD
        digest = digest * int(FACTOR) & _WORD
    return digest


def guard_states(report: GuardReport) -> int | None:
    """Return the states of all guards; None where the report does not name each once, in order."""
    named = {**dict.fromkeys(report.failed, FAILED), **dict.fromkeys(report.unknown, UNKNOWN)}
    named.update(dict.fromkeys(report.passed, PASSED))
    in_order = (report.passed, tuple(report.failed), tuple(report.unknown))
    if len(named) != sum(map(len, in_order)) or set(named) != set(GUARDS):
        return None
    if any(tuple(name for name in GUARDS if name in names) != names for names in in_order):
        return None
    states = 0
    for place, name in enumerate(GUARDS):
        states |= named[name] << 2 * place
    return states


def _words(levels: JudgedLevels) -> list[int] | None:
    if levels.rounding or levels.slices or guard_states(levels.guards) is None:
        return None
    bounds = levels.raw.bounds
    words: list[int] = []
    for bound in bounds:
        if bound.level not in LEVELS or bound.constraint not in CONSTRAINTS:
            return None
        words += (bound_word(bound.level, bound.constraint), _bits(bound.before), _bits(bound.after))
    if len(bounds) > 0xFF or not set(levels.guards.unknown.values()) <= set(REASONS):
        return None
    reasons = 0
    for name, reason in levels.guards.unknown.items():
        reasons |= reason_bits(name, reason)
    words.append(closing_word(len(bounds), reasons))
    figures = _words_of_figures(levels.guards.failed)
    triggers = _words_of_triggers(levels)
    return None if figures is None or triggers is None else words + figures + triggers


def _words_of_figures(failed: dict[str, dict[str, float]]) -> list[int] | None:
    words: list[int] = []
    for guard, figures in failed.items():
        known = FIGURES[guard]
        there = tuple(name for name in known if name in figures)
        if there != tuple(figures) or (guard != _PARTIAL and there != known):
            return None
        mask = 0
        for name in there:
            mask |= 1 << known.index(name)
        words += (guard_word(guard, mask), *map(_bits, figures.values()))
    return words


def _words_of_triggers(levels: JudgedLevels) -> list[int] | None:
    triggers = levels.triggers
    if triggers is None:
        return [NO_TRIGGERS]
    words = [TRIGGERS]
    for price in (triggers.tp1, triggers.tp2, triggers.tp3, triggers.sl):
        if not isinstance(price, float):
            return None
        words.append(_bits(price))
    return words


def _bits(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits
