"""Decision replay: recomputes every recorded decision, which must match bit for bit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from exitbrain.application.engine_answer import engine_name, levels_of
from exitbrain.application.ports.decision_log import DecisionLog, RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.level_engine import EngineFailed, LevelEngine
from exitbrain.application.recorded import MissingSnapshot, Policies, Snapshots
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.identity import decision_id
from exitbrain.domain.names import check_name
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.plans.difference import Difference, first_difference
from exitbrain.domain.values import changed


class Verdict(StrEnum):
    """The result of replaying one decision."""

    EXACT = "EXACT"
    DRIFT = "DRIFT"
    UNKNOWN_POLICY = "UNKNOWN_POLICY"
    UNREADABLE = "UNREADABLE"


class Drift(Struct, frozen=True):
    """The first difference of a replay: the decision (or receipt) and the field, with both values.

    If two different engines computed them, `recorded_by` and `recomputed_by` name the engines.
    """

    subject: str
    field: str
    recorded: str
    recomputed: str
    recorded_by: str = ""
    recomputed_by: str = ""

    def between(self, recorded_by: str, recomputed_by: str) -> "Drift":
        """Return the drift with both engine names, if they differ."""
        if recorded_by == recomputed_by or not (recorded_by and recomputed_by):
            return self
        return changed(self, recorded_by=recorded_by, recomputed_by=recomputed_by)


class RegisterFinding(Struct, frozen=True):
    """A register event that is forged or altered."""

    log_position: int
    event: str
    why: str

    def __str__(self) -> str:
        return f"{self.event} at log position {self.log_position}: {self.why}"


class Selection(Struct, frozen=True):
    """The decisions to replay, by time of occurrence (since <= t < until) and symbol; raises InvalidValue."""

    since: datetime | None = None
    until: datetime | None = None
    symbol: str | None = None

    def __post_init__(self) -> None:
        if self.symbol is not None:
            check_name("symbol", self.symbol)

    def takes(self, occurred_at: datetime, symbol: str) -> bool:
        """Return whether a decision is selected."""
        return (
            (self.symbol is None or symbol == self.symbol)
            and (self.since is None or occurred_at >= self.since)
            and (self.until is None or occurred_at < self.until)
        )


EVERYTHING = Selection()


@dataclass(slots=True)
class ReplayReport:
    """The counts of the verdicts, and the first drift.

    Only an intake replay counts `receipts` and `receipts_exact`. Only a context audit finds errors in the
    policy register, separately from the verdicts of the decisions.
    """

    decisions: int = 0
    exact: int = 0
    drift: int = 0
    unknown_policy: int = 0
    unreadable: int = 0
    first_drift: Drift | None = None
    receipts: int | None = None
    receipts_exact: int | None = None
    register_findings: tuple[RegisterFinding, ...] = ()

    @property
    def clean(self) -> bool:
        """Return whether everything replayed is EXACT and the policy register is correct."""
        return self.all_exact and not self.register_findings

    @property
    def all_exact(self) -> bool:
        """Return whether everything replayed is EXACT."""
        return not (self.drift or self.unknown_policy or self.unreadable)

    def count_receipt(
        self, *, has_decision: bool, drift: Drift | None, verdict: Verdict = Verdict.DRIFT
    ) -> None:
        """Count a message and its decision, if any: EXACT, or the verdict with its drift."""
        self.receipts = (self.receipts or 0) + 1
        if drift is None:
            self.receipts_exact = (self.receipts_exact or 0) + 1
            self.decisions += has_decision
            self.exact += has_decision
        else:
            self.count(verdict, drift, is_decision=has_decision)

    def count(self, verdict: Verdict, drift: Drift, *, is_decision: bool = True) -> None:
        """Count one verdict that is not EXACT, and keep the first."""
        self.decisions += is_decision
        name = verdict.value.lower()
        setattr(self, name, getattr(self, name) + 1)
        self.first_drift = self.first_drift or drift

    def plus(self, later: "ReplayReport") -> "ReplayReport":
        """Return the sum of both reports; the first drift comes from the earlier part, if it has one."""
        return ReplayReport(
            decisions=self.decisions + later.decisions,
            exact=self.exact + later.exact,
            drift=self.drift + later.drift,
            unknown_policy=self.unknown_policy + later.unknown_policy,
            unreadable=self.unreadable + later.unreadable,
            first_drift=self.first_drift or later.first_drift,
            register_findings=(*self.register_findings, *later.register_findings),
        )


class DecisionReplay:
    """Replay decisions directly from the record."""

    def __init__(
        self, policies: Policies, snapshots: Snapshots, decisions: DecisionLog, engine: LevelEngine
    ) -> None:
        self._policies = policies
        self._snapshots = snapshots
        self._decisions = decisions
        self._engine = engine

    def run(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: int = 0,
        upto: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> ReplayReport:
        """Replay the selected decisions between two log positions; `progress` gets log positions."""
        report = ReplayReport()
        exact = 0
        everything = selection == EVERYTHING
        for number, decision in enumerate(self._decisions.decisions(after=after, upto=upto)):
            if progress is not None and number % 1000 == 0:
                progress(decision.log_position)
            if isinstance(decision, UnreadableDecision):
                report.count(Verdict.UNREADABLE, _unreadable(decision))
            elif everything or selection.takes(decision.occurred_at, decision.symbol):
                exact += self._is_exact(decision, report)
        report.decisions += exact
        report.exact += exact
        return report

    def _is_exact(self, decision: RecordedDecision, report: ReplayReport) -> bool:
        """Return whether a decision is reproduced exactly; count any other in the report."""
        try:
            policy = self._policies.of(decision.policy)
            instrument = self._snapshots.of(decision.snapshot)
            brackets = () if instrument is None else instrument.brackets
            raw = levels_of(self._engine, policy, decision.inputs, brackets)
            levels = judge_levels(policy.unit, decision.inputs, raw, instrument, decision.freshness)
            if decision.equals(levels):
                return True
            drift = _drift(decision, levels).between(decision.engine, engine_name(self._engine, policy))
            report.count(Verdict.DRIFT, drift)
        except EngineFailed as failed:
            drift = Drift(name_of(decision), "engine", "levels", str(failed))
            report.count(Verdict.DRIFT, drift.between(decision.engine, engine_name(self._engine, policy)))
        except UnknownPolicy as unknown:
            drift = Drift(name_of(decision), "policy", decision.policy.name, str(unknown))
            report.count(Verdict.UNKNOWN_POLICY, drift)
        except MissingSnapshot as missing:
            report.count(Verdict.UNREADABLE, Drift(name_of(decision), "context.snapshot", str(missing), ""))
        except UnreadableEvent as unreadable:  # only a part is unreadable, so the id is known
            report.count(Verdict.UNREADABLE, Drift(name_of(decision), "event", unreadable.why, ""))
        return False


def name_of(decision: RecordedDecision | UnreadableDecision) -> str:
    """Return the id of a decision as text."""
    if isinstance(decision, UnreadableDecision):
        return f"log position {decision.log_position}"
    return str(decision_id(decision.plan_id, decision.revision))


def _drift(decision: RecordedDecision, levels: JudgedLevels) -> Drift:
    recorded = {"quantity": decision.quantity, "harvest": decision.harvest, "levels": decision.levels()}
    recomputed = {"quantity": decision.inputs.quantity, "harvest": levels.harvest, "levels": levels}
    difference = first_difference(recorded, recomputed)
    if difference is None:
        # The same numbers, spelled differently: the stored text was altered without a change of meaning.
        difference = Difference("levels", "not written as this version writes it", "the same values")
    return Drift(name_of(decision), difference.field, difference.recorded, difference.recomputed)


def _unreadable(decision: UnreadableDecision) -> Drift:
    return Drift(name_of(decision), "event", decision.why, "")
