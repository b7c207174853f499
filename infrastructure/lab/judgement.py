"""The judgement of a decision as 64 bits: the record apart from the levels, in one column of the mirror.

The digest covers what the level columns lack: what bound the levels, why guards were not checkable, the
figures of the guards that failed, and the trigger prices. It starts at SEED and takes one word after another:

    digest = rotate_left(digest ^ word, 27) * FACTOR        (in 64 bits)

Each step can be undone for a known word, and for a known digest each word gives another result, so changing
a single word always changes the digest. A double enters as its 64 bits. The words of one decision, in order:

1. for each bound of the formula, in order of occurrence: `bound_word(level, constraint)`, before, after;
2. `closing_word(bounds, reasons)`: the number of bounds, and for each guard why it was not checkable;
3. for each failed guard, in the order of GUARDS: `guard_word(guard, mask)`, then its figures, in the order of
   RULES; bit n of the mask is set if the n-th figure is present (only `inputs_in_range` omits some);
4. `NO_TRIGGERS`; or `TRIGGERS` and the four trigger prices tp1, tp2, tp3, sl as doubles.

A judgement with rounding to ticks, slices, Decimal prices, figures of some of the targets only (the others
have no share) or names that are not listed here has no digest. `judgement_of` is the definition; `digests_of`
folds the same words in a kernel.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from exitbrain.domain.levels.checked import CONSTRAINTS
from exitbrain.domain.levels.guard_rules import GUARDS, REASONS, RULES
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.levels import LEVELS
from exitbrain.domain.plans.decision import JudgedLevels
from exitbrain.infrastructure.lab.jit import jit

NO_TRIGGERS, TRIGGERS = 0, 1

SEED = np.uint64(0x243F6A8885A308D3)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LEFT, _RIGHT = np.uint64(27), np.uint64(64 - 27)
_WORD = (1 << 64) - 1
_PARTIAL = "inputs_in_range"


@jit
def mixed(digest: np.uint64, word: np.uint64) -> np.uint64:
    """Return the digest after one more word."""
    digest = np.uint64(digest) ^ np.uint64(word)  # numba turns mixed signs into a double
    return ((digest << _LEFT) | (digest >> _RIGHT)) * FACTOR


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
    """Return the bits of an uncheckable guard among the reasons."""
    return (REASONS.index(reason) + 1) << 4 * GUARDS.index(guard)


def judgement_of(levels: JudgedLevels) -> int | None:
    """Return the digest by its definition, one word at a time; None if the judgement has no digest."""
    words = words_of(levels)
    if words is None:
        return None
    digest = int(SEED)
    for (word,) in struct.iter_unpack("<Q", words):
        digest ^= word
        digest = (digest << 27 | digest >> 37) & _WORD
        digest = digest * int(FACTOR) & _WORD
    return digest


def digests_of(words: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """Return the digests of many judgements, given their words."""
    ends = np.cumsum([len(some) // 8 for some in words], dtype=np.int64)
    return _fold(np.frombuffer(b"".join(words), np.uint64), ends)


def guard_states(report: GuardReport) -> int | None:
    """Return the states of all guards, two bits each from the lowest; None if `states` is None."""
    states = report.states
    return None if states is None else _packed(states)


def words_of(levels: JudgedLevels) -> bytes | None:
    """Return the words of a judgement, eight little-endian bytes each; None if it has no digest."""
    guards = levels.guards
    if levels.rounding or levels.slices or guards.states is None:
        return None
    words: list[bytes] = []
    for bound in levels.raw.bounds:
        word = _BOUND_WORDS.get((bound.level, bound.constraint))
        if word is None:
            return None
        words.append(word + _two_doubles(bound.before, bound.after))
    reasons = _reasons_of(tuple(guards.unknown.items()))
    if reasons is None:
        return None
    words.append(_one_word(closing_word(len(levels.raw.bounds), reasons)))
    for guard, figures in guards.failed.items():
        word = _guard_word_of(guard, tuple(figures))
        if word is None:
            return None
        words += (word, struct.pack(f"<{len(figures)}d", *figures.values()))
    triggers = _words_of_triggers(levels)
    return None if triggers is None else b"".join((*words, triggers))


@jit
def _fold(words: npt.NDArray[np.uint64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    digests = np.empty(len(ends), dtype=np.uint64)
    begin = 0
    for row in range(len(ends)):
        digest = SEED
        for place in range(begin, ends[row]):
            digest = mixed(digest, words[place])
        digests[row] = digest
        begin = ends[row]
    return digests


# Guards fail in few combinations, so results that depend on names alone are cached.


@lru_cache(maxsize=4096)
def _packed(states: tuple[int, ...]) -> int:
    return sum(state << 2 * place for place, state in enumerate(states))


@lru_cache(maxsize=4096)
def _reasons_of(unknown: tuple[tuple[str, str], ...]) -> int | None:
    reasons = 0
    for guard, reason in unknown:
        if reason not in REASONS:
            return None
        reasons |= reason_bits(guard, reason)
    return reasons


@lru_cache(maxsize=4096)
def _guard_word_of(guard: str, figures: tuple[str, ...]) -> bytes | None:
    known = RULES[guard].figures
    if tuple(name for name in known if name in figures) != figures:
        return None
    if guard != _PARTIAL and figures != known:
        return None
    mask = 0
    for name in figures:
        mask |= 1 << known.index(name)
    return _one_word(guard_word(guard, mask))


def _words_of_triggers(levels: JudgedLevels) -> bytes | None:
    triggers = levels.triggers
    if triggers is None:
        return _one_word(NO_TRIGGERS)
    prices = (triggers.tp1, triggers.tp2, triggers.tp3, triggers.sl)
    if any(type(price) is not float for price in prices):
        return None
    return _trigger_words(TRIGGERS, *prices)


_one_word = struct.Struct("<Q").pack
_two_doubles = struct.Struct("<2d").pack
_trigger_words = struct.Struct("<Q4d").pack
_BOUND_WORDS = {
    (level, constraint): _one_word(bound_word(level, constraint))
    for level in LEVELS
    for constraint in CONSTRAINTS
}
