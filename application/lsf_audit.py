"""LSF audit: every change of the adjusted LSF, attributed exactly to leverage, average PnL, confidence and policy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal, Inexact
from uuid import UUID

from exitbrain.application.engine_answer import levels_of
from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.replay import EVERYTHING, Selection
from exitbrain.domain.exit_plan import LevelsComputed
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.values import Cause

_EXACT = Context(prec=2500, traps=[Inexact])


@dataclass(frozen=True, slots=True)
class LsfChange:
    """One change against the previous computed decision of the same account and symbol.

    `before` and `after` are the adjusted LSF; the four effects are exact decimal differences of doubles, found by
    replacing leverage, then the average PnL, then the confidence, then the policy; their sum is `delta`.
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


class LsfAudit:
    """Read the LSF history off the log."""

    def __init__(self, ledger: ExitLedger, engine: LevelEngine) -> None:
        self._ledger = ledger
        self._engine = engine
        self._register: PolicyRegister = ledger.register()

    def changes(
        self, selection: Selection = EVERYTHING, *, progress: Callable[[int], None] | None = None
    ) -> Iterator[LsfChange]:
        """Yield the selected changes in log order; a decision that left the LSF as it was is not listed."""
        previous: dict[tuple[str, str], LevelsComputed] = {}
        for number, entry in enumerate(self._ledger.log(topics=(LevelsComputed.TOPIC,))):
            if progress is not None and number % 1000 == 0:
                progress(entry.position)
            decision: LevelsComputed = entry.event
            key = (decision.account, decision.symbol)
            before = previous.get(key)
            previous[key] = decision
            if before is None or not selection.takes(decision.context.occurred_at, decision.symbol):
                continue
            if before.levels.raw.lsf_adjusted != decision.levels.raw.lsf_adjusted:
                yield self._attribute(before, decision, decision_id(entry.stream_id, decision.revision))

    def between(self, previous_position: int, position: int) -> LsfChange:
        """Return the change from one recorded decision to a later one of the same account and symbol.

        Raises ValueError where a position holds no computed levels.
        """
        before, after = self._computed_at(previous_position), self._computed_at(position)
        decision: LevelsComputed = after.event
        return self._attribute(before.event, decision, decision_id(after.stream_id, decision.revision))

    def _computed_at(self, position: int) -> LogEntry:
        for entry in self._ledger.log(position - 1, upto=position, topics=(LevelsComputed.TOPIC,)):
            return entry
        raise ValueError(f"log position {position} holds no computed levels")

    def _attribute(self, before: LevelsComputed, after: LevelsComputed, id_: UUID) -> LsfChange:
        releveraged = replace(before.inputs, leverage=after.inputs.leverage)
        averaged = replace(releveraged, average_pnl=after.inputs.average_pnl)
        confident = replace(averaged, confidence=after.inputs.confidence)
        policy = before.policy.name
        start, end = Decimal(before.levels.raw.lsf_adjusted), Decimal(after.levels.raw.lsf_adjusted)
        with_leverage, with_average, with_confidence = (
            Decimal(self._lsf_adjusted(policy, inputs)) for inputs in (releveraged, averaged, confident)
        )
        return LsfChange(
            at=after.context.occurred_at,
            account=after.account,
            symbol=after.symbol,
            position_id=after.position_id,
            decision_id=id_,
            before=before.levels.raw.lsf_adjusted,
            after=after.levels.raw.lsf_adjusted,
            delta=_EXACT.subtract(end, start),
            leverage_effect=_EXACT.subtract(with_leverage, start),
            pnl_effect=_EXACT.subtract(with_average, with_leverage),
            confidence_effect=_EXACT.subtract(with_confidence, with_average),
            policy_effect=_EXACT.subtract(end, with_confidence),
            cause=after.cause,
        )

    def _lsf_adjusted(self, policy: str, inputs: LevelInputs) -> float:
        return levels_of(self._engine, self._register.named(policy).policy, inputs, ()).lsf_adjusted
