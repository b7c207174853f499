"""The engine for the look-ahead test: new instances, a shifted clock, and a record of its accesses."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.engines.foreign import ForeignEngine
from exitbrain.infrastructure.engines.io_monitor import ExternalAccess, io_monitor
from exitbrain.infrastructure.engines.shifted_clock import shifted_clock


class WatchedEngineOfPolicy:
    """Create instances of a policy's engine and watch them.

    Accesses while importing the engine go to `when_loaded`, since libraries read much at import. The history,
    the files and folders of the test, must never be read: such an access always counts.
    """

    def __init__(self, policy: Policy, history: Sequence[Path] = ()) -> None:
        self._policy = policy
        self._history = history
        self._reached: list[str] = []
        self.when_loaded: list[str] = []

    def new(self) -> LevelEngine:
        with io_monitor() as seen:
            engine: LevelEngine = (
                ForeignEngine(self._policy.formula) if self._policy.is_foreign else BuiltInFormulas()
            )
        self.take(seen)
        return _Watched(engine, self)

    def shifted_clock(self) -> AbstractContextManager[None]:
        package = "exitbrain"
        if self._policy.is_foreign:
            package = self._policy.formula.removeprefix(FOREIGN).partition(":")[0].partition(".")[0]
        return shifted_clock(package)

    def reached(self) -> Sequence[str]:
        reached, self._reached = self._reached, []
        return reached

    def take(self, seen: Sequence[ExternalAccess]) -> None:
        """Record what was accessed."""
        for access in seen:
            if not access.importing or access.is_in(self._history):
                self._reached.append(access.words)
            elif access.words not in self.when_loaded:
                self.when_loaded.append(access.words)


class _Watched:
    def __init__(self, engine: LevelEngine, of: WatchedEngineOfPolicy) -> None:
        self.name = getattr(engine, "name", "")
        self._engine = engine
        self._of = of

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        with io_monitor() as seen:
            raw = self._engine.compute(policy, inputs, brackets)
        if seen:
            self._of.take(seen)
        return raw
