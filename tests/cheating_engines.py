"""Engines that decide with what is no input, each in a way of its own."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from exitbrain import AdaptiveLevels, AdaptiveLeverageEngine

HISTORY_FILE = Path("history.csv")
"""Where some of them look; tests name another place."""


def _levels(*given: Any, **modifiers: Any) -> AdaptiveLevels:
    return AdaptiveLeverageEngine().compute_levels(*given, **modifiers)


def _wider(levels: AdaptiveLevels) -> AdaptiveLevels:
    return replace(levels, sl_pct=levels.sl_pct * 1.5)


class Cheat:
    """Built as every engine is; a subclass says what it does."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        self.bases = (base_tp, base_sl)
        self.seen: list[tuple[Any, ...]] = []

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        return _levels(*given, **modifiers)

    def knows_what_follows(self, seen: list[tuple[Any, ...]], asked: tuple[Any, ...]) -> bool:
        """Return whether something else was asked after this; remember that this was asked."""
        if asked in seen:
            return seen[-1] != asked
        seen.append(asked)
        return False


class Honest(Cheat):
    """Computes."""


class RemembersWhatFollowed(Cheat):
    """An instance remembers all it was asked: what it has seen before, and what followed, it judges otherwise."""

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        asked = (*given, *modifiers.values())
        levels = _levels(*given, **modifiers)
        return _wider(levels) if self.knows_what_follows(self.seen, asked) else levels


class SharesAHistory(Cheat):
    """As before, with one history for all instances."""

    history: ClassVar[list[tuple[Any, ...]]] = []

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        asked = (*given, *modifiers.values())
        levels = _levels(*given, **modifiers)
        return _wider(levels) if self.knows_what_follows(self.history, asked) else levels


class KnowsTheHighestLeverage(Cheat):
    """Decides by the highest leverage it was ever asked for: in reverse order that is one of the future."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        super().__init__(base_tp, base_sl)
        self.highest = 0.0

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        self.highest = max(self.highest, given[2])
        return (
            _wider(_levels(*given, **modifiers)) if self.highest > given[2] else _levels(*given, **modifiers)
        )


class Averages(Cheat):
    """Smooths the volatility over what it was asked before: a memory of the past."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        super().__init__(base_tp, base_sl)
        self.average: float | None = None

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        now = modifiers["volatility_factor"]
        self.average = now if self.average is None else 0.9 * self.average + 0.1 * now
        return _levels(*given, **{**modifiers, "volatility_factor": self.average})


class Rolls(Cheat):
    """Rolls dice."""

    dice = Random(1)

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        levels = _levels(*given, **modifiers)
        return replace(levels, tp1_pct=levels.tp1_pct * self.dice.uniform(0.9, 1.1))


class LooksAtTheCalendar(Cheat):
    """Widens its stop with the day of the year, which nobody recorded."""

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        levels = _levels(*given, **modifiers)
        day = datetime.now(UTC).timetuple().tm_yday
        return replace(levels, sl_pct=levels.sl_pct + day * 1e-6)


class ReadsAFile(Cheat):
    """Looks into a file of prices whenever it decides."""

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        highest = max(float(line) for line in HISTORY_FILE.read_text(encoding="utf-8").split())
        levels = _levels(*given, **modifiers)
        return replace(levels, tp3_pct=highest / 100.0)


class LoadsAFile(ReadsAFile):
    """Has read the file when it was built."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        super().__init__(base_tp, base_sl)
        self.highest = max(float(line) for line in HISTORY_FILE.read_text(encoding="utf-8").split())

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        return replace(_levels(*given, **modifiers), tp3_pct=self.highest / 100.0)


class AsksTheStore(Cheat):
    """Counts what the store holds by now."""

    def compute_levels(self, *given: Any, **modifiers: Any) -> AdaptiveLevels:
        with closing(sqlite3.connect(HISTORY_FILE)) as store:
            (count,) = store.execute("SELECT count(*) FROM sqlite_master").fetchone()
        levels = _levels(*given, **modifiers)
        return replace(levels, tp3_pct=levels.tp3_pct + count * 1e-6)
