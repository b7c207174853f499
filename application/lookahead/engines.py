"""Engines under perturbed futures, pasts and orders: the same inputs must give the same levels.

As the reference, each decision is computed by a new instance, in the order of the record, before anything in
the process has seen later inputs. It is compared, for all decisions or at several moments t, with:

- the same, computed again at once, and with a shifted clock (NOT_REPEATABLE);
- the same, after other instances have seen all later inputs (LOOKS_AHEAD);
- one instance in the order of the record, and one that had other inputs before (REMEMBERS);
- one instance that has seen the whole record before, one in reverse order, and one that has seen altered
  later inputs (LOOKS_AHEAD). These need an instance without memory of the past; others skip them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.lookahead.findings import Finding, Moved, PolicyVerdict, cuts_of
from exitbrain.application.ports.level_engine import EngineFailed, LevelEngine
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, changed

PART = "engine"

AT_ONCE = "asked once more at once"
OTHER_TIME = "asked at another time of the clock"
SEEN_BY_OTHERS = "asked again after other instances had seen all later inputs"
IN_ORDER = "asked after the earlier inputs"
OTHER_PAST = "asked after other earlier inputs"
SEEN_BEFORE = "asked again after all later inputs"
IN_REVERSE = "asked in reverse order"
OTHER_FUTURE = "asked after altered later inputs"


class Ask(Struct, frozen=True):
    """One decision to ask of an engine: its name in findings, and its inputs."""

    subject: str
    inputs: LevelInputs
    brackets: tuple[Bracket, ...] = ()


Answer = RawLevels | str
"""Levels, or the engine's error text."""

NewEngine = Callable[[], LevelEngine]


class EngineUnderTest(Protocol):
    """Make instances of an engine, and monitor what else they do."""

    def new(self) -> LevelEngine:
        """Return a new instance; raises EngineUnavailable."""

    def shifted_clock(self) -> AbstractContextManager[None]:
        """Shift the clock that the engine can read to another day while the block runs."""

    def reached(self) -> Sequence[str]:
        """Return, as text, what its instances accessed while computing since the last call."""


class EngineCheck:
    """Ask one policy's engine the same decisions in different circumstances."""

    def __init__(
        self,
        policy: Policy,
        engine: EngineUnderTest,
        asks: Sequence[Ask],
        *,
        cuts: int,
    ) -> None:
        """Check decisions in the order of the record, at up to `cuts` moments."""
        self._policy = policy
        self._engine = engine
        self._asks = asks
        self._cuts = cuts_of(len(asks), cuts)

    def run(self, verdict: PolicyVerdict) -> None:
        """Add the findings to the verdict."""
        reference = self._alone(verdict)
        self._compare(verdict, Finding.LOOKS_AHEAD, SEEN_BY_OTHERS, reference, self._each_alone())
        with self._engine.shifted_clock():
            elsewhen = self._each_alone()
        self._compare(verdict, Finding.NOT_REPEATABLE, OTHER_TIME, reference, elsewhen)
        engine = self._engine.new()
        in_order = [self._answer(engine, ask) for ask in self._asks]
        forgets = self._compare(verdict, Finding.REMEMBERS, IN_ORDER, reference, in_order)
        forgets &= self._with_other_pasts(verdict, reference)
        if not forgets:
            return
        again = [self._answer(engine, ask) for ask in self._asks]
        self._compare(verdict, Finding.LOOKS_AHEAD, SEEN_BEFORE, reference, again)
        engine = self._engine.new()
        backwards = [self._answer(engine, ask) for ask in reversed(self._asks)]
        self._compare(verdict, Finding.LOOKS_AHEAD, IN_REVERSE, reference, backwards[::-1])
        self._with_other_futures(verdict, reference)

    def _alone(self, verdict: PolicyVerdict) -> list[Answer]:
        """Return the reference, and check that it is repeatable."""
        reference = []
        for ask in self._asks:
            answer = self._answer(self._engine.new(), ask)
            if isinstance(answer, str):
                verdict.note(Moved(Finding.FAILED, ask.subject, "asked alone", "engine", "levels", answer))
            for what in self._engine.reached():
                verdict.note(Moved(Finding.READS, ask.subject, what, "engine", "its arguments alone", what))
            reference.append(answer)
            at_once = self._answer(self._engine.new(), ask)
            verdict.compare(PART, Finding.NOT_REPEATABLE, ask.subject, AT_ONCE, answer, at_once)
        return reference

    def _each_alone(self) -> list[Answer]:
        return [self._answer(self._engine.new(), ask) for ask in self._asks]

    def _with_other_pasts(self, verdict: PolicyVerdict, reference: list[Answer]) -> bool:
        stayed = True
        for t in self._cuts:
            engine = self._engine.new()
            for earlier in self._asks[:t]:
                self._answer(engine, _altered(earlier))
            answer = self._answer(engine, self._asks[t])
            subject = self._asks[t].subject
            stayed &= verdict.compare(PART, Finding.REMEMBERS, subject, OTHER_PAST, reference[t], answer)
        return stayed

    def _with_other_futures(self, verdict: PolicyVerdict, reference: list[Answer]) -> None:
        for t in self._cuts:
            engine = self._engine.new()
            for later in self._asks[t:]:
                self._answer(engine, _altered(later))
            for number, ask in enumerate(self._asks[:t]):
                answer = self._answer(engine, ask)
                verdict.compare(
                    PART, Finding.LOOKS_AHEAD, ask.subject, OTHER_FUTURE, reference[number], answer
                )

    def _compare(
        self, verdict: PolicyVerdict, finding: Finding, how: str, before: list[Answer], after: list[Answer]
    ) -> bool:
        stayed = True
        for ask, one, other in zip(self._asks, before, after, strict=True):
            stayed &= verdict.compare(PART, finding, ask.subject, how, one, other)
        return stayed

    def _answer(self, engine: LevelEngine, ask: Ask) -> Answer:
        try:
            return levels_of(engine, self._policy, ask.inputs, ask.brackets)
        except EngineFailed as failed:
            return str(failed)


def _altered(ask: Ask) -> Ask:
    """Return a different decision, with every ratio that an engine reads changed."""
    x = ask.inputs
    inputs = changed(
        x,
        leverage=LEVERAGE_MIN + LEVERAGE_MAX - x.leverage + (0.5 if x.leverage == 63.0 else 0.0),
        volatility=x.volatility + 0.5,
        funding=0.001 - x.funding,
        divergence=x.divergence + 0.25,
        average_pnl=-0.5 - x.average_pnl,
    )
    return changed(ask, inputs=inputs)
