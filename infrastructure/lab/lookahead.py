"""The look-ahead test on positions from a file: the deciding engine, and the exits on candles."""

from collections.abc import Sequence
from pathlib import Path

from exitbrain.application.lookahead.engines import Ask, EngineCheck
from exitbrain.application.lookahead.exits import ExitCase, ExitCheck
from exitbrain.application.lookahead.findings import Finding, Moved, PolicyVerdict
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.level_engine import EngineFailed, LevelEngine
from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.application.simulation.positions import (
    BreakEven,
    GivenPosition,
    Simulation,
    Terms,
    UnusablePosition,
)
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import MINUTE_MS
from exitbrain.domain.simulation.exit_setup import Trailing
from exitbrain.infrastructure.engines.under_test import WatchedEngineOfPolicy
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.positions import usable_positions

TRAILING = Trailing(activation=0.005, distance=0.005)
"""The rules for moving stops; each position is simulated once without and once with them."""

REFUSED = "the policy refused the levels"


class PositionsUnderTest:
    """Check policies on the positions of a file and the candles of a folder."""

    def __init__(
        self, positions: str, candles: Path, instruments: str | None, limits: FileLimits = DEFAULT_LIMITS
    ) -> None:
        """Read the files; raises the errors of reading positions, instruments and candles.

        An unusable position is left out; raises the error of the first if all are unusable.
        """
        self._unusable: list[UnusablePosition] = []
        self.positions = usable_positions(positions, self._unusable, limits)
        self._market = MarketFiles(candles, limits=limits)
        self._instruments: Instruments = (
            NoInstruments() if instruments is None else InstrumentsFile(Path(instruments))
        )

    def check(
        self, policy: Policy, engine: WatchedEngineOfPolicy, verdict: PolicyVerdict, *, cuts: int
    ) -> None:
        """Add findings on a policy to the verdict; raises the first position's error if all are unusable."""
        asking = _Asking(engine.new())
        entries: list[ExitCase] = []
        unusable = list(self._unusable)
        for position in self.positions:
            try:
                entries += self._entries(policy, asking, position, verdict)
            except (InvalidValue, MarketUnreadable) as error:
                unusable.append(UnusablePosition(position.where, error))
            except EngineFailed as failed:
                verdict.note(
                    Moved(Finding.FAILED, position.where, "levels asked for", "engine", "levels", str(failed))
                )
        for one in unusable:
            verdict.leave_out(str(one.error))
        if len(unusable) == len(self.positions) + len(self._unusable):
            raise unusable[0].error
        EngineCheck(policy, engine, list(asking.asks.values()), cuts=cuts).run(verdict)
        ExitCheck(entries, cuts=cuts).run(verdict)

    def _entries(
        self, policy: Policy, asking: "_Asking", position: GivenPosition, verdict: PolicyVerdict
    ) -> list[ExitCase]:
        asking.subject = position.where
        market = self._market.market(position.market_symbol)
        interval_ms = max(MINUTE_MS, market.candles.interval_ms)
        resting = Terms(policy)
        moving = Terms(policy, break_even=BreakEven(), trailing=TRAILING, rule_interval_ms=interval_ms)
        entries = []
        for terms, stops in ((resting, "resting stop"), (moving, "moving stop")):
            simulation = Simulation(asking, self._instruments, self._market)
            for one in simulation.run([position], terms):
                if one.setup is None:
                    verdict.leave_out(REFUSED)
                else:
                    subject = f"{position.symbol} of {position.where}, {stops}"
                    entries.append(ExitCase(subject, one.setup, market))
        return entries


class _Asking:
    """An engine that records its inputs."""

    def __init__(self, engine: LevelEngine) -> None:
        self.name = getattr(engine, "name", "")
        self._engine = engine
        self.subject = ""
        self.asks: dict[str, Ask] = {}

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        self.asks[self.subject] = Ask(self.subject, inputs, tuple(brackets))
        return self._engine.compute(policy, inputs, brackets)
