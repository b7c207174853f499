"""Context audit: compares recorded average PnL, policy and snapshot with the log at the recorded positions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, UnreadableEvent
from exitbrain.application.ports.translator import Translator
from exitbrain.application.replay.decisions import Drift, ReplayReport, Verdict
from exitbrain.application.replay.intake import lost, whole_log
from exitbrain.application.replay.register import findings
from exitbrain.application.replay.register_history import RegisterHistory
from exitbrain.application.replay.result_log import ResultLog
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.errors import WrongState
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels.instrument import InstrumentSnapshotTaken
from exitbrain.domain.plans.difference import first_difference
from exitbrain.domain.plans.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
)
from exitbrain.domain.positions.performance import PnLWindow

_POSITION_EVENTS = (PositionOpened, PositionIncreased, LeverageChanged, PositionReduced)


class ContextAudit:
    """Audit the context of every decision over the whole log."""

    def __init__(self, ledger: ExitLedger, translator: Translator) -> None:
        self._ledger = ledger
        self._translator = translator
        self._registers = RegisterHistory()
        self._results: dict[str, ResultLog[float]] = {}
        self._snapshots: dict[str, str] = {}
        self._position_versions: dict[UUID, int] = {}

    def run(self, *, progress: Callable[[int], None] | None = None) -> ReplayReport:
        """Compare the context of each decision with the log; a difference counts as DRIFT.

        Errors in the policy register are reported separately: a decision made under a forged activation is
        EXACT, and the activation is the finding.
        """
        report = ReplayReport(register_findings=tuple(findings(self._ledger, self._translator)))
        for number, entry in enumerate(whole_log(self._ledger)):
            if progress is not None and number % 1000 == 0:
                progress(entry.position)
            if isinstance(entry, UnreadableEvent):
                report.count(Verdict.UNREADABLE, lost(entry), is_decision=entry.topic in DECISION_TOPICS)
            elif isinstance(entry.event, LevelsComputed | LevelsRefused):
                self._audit(entry.stream_id, entry.event, report)
            else:
                self._learn(entry)
        return report

    def _learn(self, entry: LogEntry) -> None:
        event = entry.event
        if isinstance(event, PositionClosed | CloseReported):
            self._position_versions.pop(entry.stream_id, None)
            if event.result is not None:
                results = self._results.setdefault(event.account, ResultLog())
                results.add(entry.position, float(event.result.counted))
        elif isinstance(event, _POSITION_EVENTS):
            self._position_versions[entry.stream_id] = entry.version
        elif isinstance(event, InstrumentSnapshotTaken):
            self._snapshots[event.instrument.content_hash] = event.instrument.symbol
        else:
            self._registers.takes(entry)

    def _audit(self, plan_id: UUID, decision: Decision, report: ReplayReport) -> None:
        difference = first_difference(_recorded(decision), self._expected(decision))
        if difference is None:
            report.decisions += 1
            report.exact += 1
            return
        subject = str(decision_id(plan_id, decision.revision))
        found = Drift(subject, difference.field, difference.recorded, difference.recomputed)
        report.count(Verdict.DRIFT, found)

    def _expected(self, decision: Decision) -> dict[str, Any]:
        context = decision.context
        results = self._results.get(decision.account, ResultLog())
        window = PnLWindow(results.read_by(context.window))
        known = self._registers.knows(context.register_version)
        return {
            "inputs.average_pnl": window.average,
            "context.window.trades": window.trades,
            "context.register_version": context.register_version
            if known
            else self._registers.latest().version,
            "policy": self._in_force(context.register_version, decision.symbol),
            "context.snapshot": None if context.snapshot is None else self._snapshots.get(context.snapshot),
            "context.position_version": self._position_versions.get(decision.position_id),
        }

    def _in_force(self, register_version: int, symbol: str) -> PolicyRef | None:
        try:
            return self._registers.at_version(register_version).in_force(symbol).ref
        except WrongState:  # events of the register are lost
            return None


def _recorded(decision: Decision) -> dict[str, Any]:
    context = decision.context
    return {
        "inputs.average_pnl": decision.inputs.average_pnl,
        "context.window.trades": context.window.trades,
        "context.register_version": context.register_version,
        "policy": decision.policy,
        "context.snapshot": None if context.snapshot is None else decision.symbol,
        "context.position_version": context.position_version,
    }
