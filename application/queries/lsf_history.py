"""LSF audit: every change of the adjusted LSF, attributed exactly to leverage, average PnL, confidence and policy."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, Inexact
from itertools import pairwise
from uuid import UUID

from msgspec import Struct

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.queries.lookup import WantedId
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.application.replay.result_log import ResultLog
from exitbrain.domain.identity import decision_id
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.positions.events import CloseReported, PositionClosed
from exitbrain.domain.values import Cause, changed

_EXACT = Context(prec=2500, traps=[Inexact])


class LsfInputs(Struct, frozen=True):
    """The inputs of a decision's adjusted LSF; `average_pnl` is the mean price return in percent."""

    leverage: float
    average_pnl: float
    confidence: float
    policy: str


class CountedClose(Struct, frozen=True):
    """A closed position counted in a decision's average; `pnl_percent` is the counted price return."""

    position_id: UUID
    symbol: str
    at: datetime
    pnl_percent: Decimal
    log_position: int


class LsfChange(Struct, frozen=True):
    """One change against the previous computed decision of the same account and symbol.

    `before` and `after` are the adjusted LSF. The four effects are exact decimal differences of doubles,
    found by replacing leverage, then the average PnL, then the confidence, then the policy; their sum is
    `delta`. An unchanged input has no effect. The closes behind both averages, oldest first, are None unless
    requested.
    """

    at: datetime
    account: str
    symbol: str
    position_id: UUID
    decision_id: UUID
    before: float
    after: float
    delta: Decimal
    leverage_effect: Decimal
    pnl_effect: Decimal
    confidence_effect: Decimal
    policy_effect: Decimal
    cause: Cause
    inputs_before: LsfInputs
    inputs_after: LsfInputs
    closes_before: tuple[CountedClose, ...] | None = None
    closes_after: tuple[CountedClose, ...] | None = None


class LsfSelection(Selection, frozen=True):
    """The changes to list, by their later decision; `position` and `decision` are ids or prefixes of ids."""

    position: str | None = None
    decision: str | None = None
    policy: str | None = None
    cause: Cause | None = None


@dataclass(slots=True)
class LsfCounts:
    """The numbers of decisions, of changes and of changes with each effect, and the first and last change."""

    decisions: int = 0
    changes: int = 0
    first: datetime | None = None
    last: datetime | None = None
    leverage: int = 0
    pnl: int = 0
    confidence: int = 0
    policy: int = 0
    causes: Counter[Cause] = field(default_factory=Counter)

    def add(self, change: LsfChange) -> None:
        """Count a change."""
        self.changes += 1
        self.first = change.at if self.first is None else min(self.first, change.at)
        self.last = change.at if self.last is None else max(self.last, change.at)
        self.leverage += bool(change.leverage_effect)
        self.pnl += bool(change.pnl_effect)
        self.confidence += bool(change.confidence_effect)
        self.policy += bool(change.policy_effect)
        self.causes[change.cause] += 1


class _Seen(Struct, frozen=True):
    """A decision of a plan and, if requested, the closes behind its average."""

    plan_id: UUID
    decision: LevelsComputed
    closes: tuple[CountedClose, ...] | None = None

    @property
    def id(self) -> UUID:
        return decision_id(self.plan_id, self.decision.revision)


class LsfAudit:
    """Read the LSF history from the log."""

    def __init__(self, ledger: ExitLedger, engine: LevelEngine) -> None:
        self._ledger = ledger
        self._engine = engine
        self._register: PolicyRegister = ledger.register()

    def changes(
        self,
        selection: Selection = EVERYTHING,
        *,
        closes: bool = False,
        counts: LsfCounts | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[LsfChange]:
        """Yield the selected changes in log order, without decisions that left the LSF unchanged.

        Fills `counts` along the way. At the end, raises NotFound or Ambiguous if an id of the selection
        matched none or several.
        """
        counts = LsfCounts() if counts is None else counts
        selected = _Selected(selection)
        previous: dict[tuple[str, str], _Seen] = {}
        for seen in self._decisions(closes, progress):
            decision = seen.decision
            before = previous.get((decision.account, decision.symbol))
            previous[decision.account, decision.symbol] = seen
            if not selected.takes(seen):
                continue
            counts.decisions += 1
            if before is None or _lsf_of(before.decision) == _lsf_of(decision):
                continue
            change = self._attribute(before, seen)
            counts.add(change)
            yield change
        selected.check_found()

    def _decisions(self, closes: bool, progress: Callable[[int], None] | None) -> Iterator[_Seen]:
        results: dict[str, ResultLog[CountedClose]] = {}
        topics = (LevelsComputed.TOPIC, *((PositionClosed.TOPIC, CloseReported.TOPIC) if closes else ()))
        for number, entry in enumerate(self._ledger.log(topics=topics)):
            if progress is not None and number % 1000 == 0:
                progress(entry.position)
            event = entry.event
            if isinstance(event, PositionClosed | CloseReported):
                if event.result is not None:
                    results.setdefault(event.account, ResultLog()).add(entry.position, _counted(entry, event))
            elif isinstance(event, LevelsComputed):
                behind = (
                    results.get(event.account, ResultLog()).read_by(event.context.window) if closes else None
                )
                yield _Seen(entry.stream_id, event, behind)

    def between(self, previous_position: int, position: int) -> LsfChange:
        """Return the change from one recorded decision to a later one of the same account and symbol.

        Raises ValueError if a position holds no computed levels.
        """
        return self._attribute(self._computed_at(previous_position), self._computed_at(position))

    def _computed_at(self, position: int) -> _Seen:
        for entry in self._ledger.log(position - 1, upto=position, topics=(LevelsComputed.TOPIC,)):
            if isinstance(entry.event, LevelsComputed):
                return _Seen(entry.stream_id, entry.event)
        raise ValueError(f"log position {position} holds no computed levels")

    def _attribute(self, earlier: _Seen, later: _Seen) -> LsfChange:
        before, after = earlier.decision, later.decision
        steps = [Decimal(lsf) for lsf in self._steps(before, after)]
        leverage, average, confidence, policy = (
            _EXACT.subtract(end, start) for start, end in pairwise(steps)
        )
        return LsfChange(
            at=after.context.occurred_at,
            account=after.account,
            symbol=after.symbol,
            position_id=after.position_id,
            decision_id=later.id,
            before=_lsf_of(before),
            after=_lsf_of(after),
            delta=_EXACT.subtract(steps[-1], steps[0]),
            leverage_effect=leverage,
            pnl_effect=average,
            confidence_effect=confidence,
            policy_effect=policy,
            cause=after.cause,
            inputs_before=_inputs_of(before),
            inputs_after=_inputs_of(after),
            closes_before=earlier.closes,
            closes_after=later.closes,
        )

    def _steps(self, before: LevelsComputed, after: LevelsComputed) -> Iterator[float]:
        """Yield the earlier LSF, the LSF after each of three inputs is replaced, and the later LSF."""
        policy = self._register.named(before.policy.name).policy
        inputs = before.inputs
        reached = _lsf_of(before)
        yield reached
        for name in ("leverage", "average_pnl", "confidence"):
            replaced = getattr(after.inputs, name)
            if getattr(inputs, name) != replaced:
                inputs = changed(inputs, **{name: replaced})
                reached = levels_of(self._engine, policy, inputs, ()).lsf_adjusted
            yield reached
        yield _lsf_of(after)


class _Selected:
    """A selection applied to decisions."""

    def __init__(self, selection: Selection) -> None:
        wanted = selection if isinstance(selection, LsfSelection) else LsfSelection()
        self._selection = selection
        self._policy = wanted.policy
        self._causes = frozenset(Cause) if wanted.cause is None else {wanted.cause}
        self._position = _wanted("position", wanted.position)
        self._decision = _wanted("decision", wanted.decision)

    def takes(self, seen: _Seen) -> bool:
        """Return whether the decision is selected; checks ids first, so that existing ids count as found."""
        decision = seen.decision
        if self._decision is not None and not self._decision.fits(seen.id):
            return False
        if self._position is not None and not self._position.fits(decision.position_id):
            return False
        return (
            self._policy in (None, decision.policy.name)
            and decision.cause in self._causes
            and self._selection.takes(decision.context.occurred_at, decision.symbol)
        )

    def check_found(self) -> None:
        for wanted in (self._decision, self._position):
            if wanted is not None:
                wanted.check_found()


def _wanted(what: str, id_: str | None) -> WantedId | None:
    return None if id_ is None else WantedId(f"computed levels of {what}", id_)


def _counted(entry: LogEntry, event: PositionClosed | CloseReported) -> CountedClose:
    assert event.result is not None
    at, percent = event.stamp.occurred_at, event.result.counted
    return CountedClose(entry.stream_id, event.symbol, at, percent, entry.position)


def _lsf_of(decision: LevelsComputed) -> float:
    return decision.levels.raw.lsf_adjusted


def _inputs_of(decision: LevelsComputed) -> LsfInputs:
    inputs = decision.inputs
    return LsfInputs(inputs.leverage, inputs.average_pnl, inputs.confidence, decision.policy.name)
