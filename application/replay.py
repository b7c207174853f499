"""Decision replay: every recorded decision is computed again and must come out bit for bit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exitbrain.application.ports.decision_log import DecisionLog, RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.domain.decision import JudgedLevels, judge_levels
from exitbrain.domain.drift import Difference, first_difference
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.exit_plan import Revised
from exitbrain.domain.identity import decision_id
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.policy import PolicyRef
from exitbrain.domain.policy_register import PolicyRegister, RegisteredPolicy


class Verdict(StrEnum):
    """The result of replaying one decision."""

    EXACT = "EXACT"
    DRIFT = "DRIFT"
    UNKNOWN_POLICY = "UNKNOWN_POLICY"
    UNREADABLE = "UNREADABLE"


@dataclass(frozen=True, slots=True)
class Drift:
    """What a replay found first: the decision (or receipt) and the field, with both values."""

    subject: str
    field: str
    recorded: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which decisions to replay, by the time they occurred (since <= t < until) and by symbol."""

    since: datetime | None = None
    until: datetime | None = None
    symbol: str | None = None

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
    """The verdicts counted, and what went wrong first.

    `receipts` and `receipts_exact` are counted by an intake replay only.
    """

    decisions: int = 0
    exact: int = 0
    drift: int = 0
    unknown_policy: int = 0
    unreadable: int = 0
    first_drift: Drift | None = None
    receipts: int | None = None
    receipts_exact: int | None = None

    @property
    def clean(self) -> bool:
        """Return whether everything replayed is EXACT."""
        return not (self.drift or self.unknown_policy or self.unreadable)

    def count_receipt(self, *, has_decision: bool, drift: Drift | None) -> None:
        """Count the verdict on a message and, where it led to one, on its decision."""
        self.receipts = (self.receipts or 0) + 1
        if drift is None:
            self.receipts_exact = (self.receipts_exact or 0) + 1
            self.decisions += has_decision
            self.exact += has_decision
            return
        self.decisions += has_decision
        self.drift += 1
        self.first_drift = self.first_drift or drift

    def count(self, verdict: Verdict, drift: Callable[[], Drift]) -> None:
        """Count one verdict; `drift` describes it and is called only for the first that is not EXACT."""
        self.decisions += 1
        name = verdict.value.lower()
        setattr(self, name, getattr(self, name) + 1)
        if verdict is not Verdict.EXACT and self.first_drift is None:
            self.first_drift = drift()

    def plus(self, later: "ReplayReport") -> "ReplayReport":
        """Return the counts of both; the first drift is that of the earlier part, if it has one."""
        return ReplayReport(
            self.decisions + later.decisions,
            self.exact + later.exact,
            self.drift + later.drift,
            self.unknown_policy + later.unknown_policy,
            self.unreadable + later.unreadable,
            self.first_drift or later.first_drift,
        )


class DecisionReplay:
    """Replay decisions straight from the record."""

    def __init__(self, ledger: ExitLedger, decisions: DecisionLog, engine: LevelEngine) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._engine = engine
        self._register: PolicyRegister = ledger.register()
        self._snapshots: dict[str, Instrument | None] = {}

    def run(
        self,
        selection: Selection = EVERYTHING,
        *,
        after: int = 0,
        upto: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> ReplayReport:
        """Replay the selected decisions between two log positions; `progress` gets log positions now and then."""
        report = ReplayReport()
        for number, decision in enumerate(self._decisions.decisions(after=after, upto=upto)):
            if progress is not None and number % 1000 == 0:
                progress(decision.log_position)
            self._judge(decision, selection, report)
        return report

    def _judge(
        self, decision: RecordedDecision | UnreadableDecision, selection: Selection, report: ReplayReport
    ) -> None:
        if isinstance(decision, UnreadableDecision):
            report.count(Verdict.UNREADABLE, lambda: _unreadable(decision))
            return
        if selection is not EVERYTHING and not selection.takes(decision.occurred_at, decision.symbol):
            return
        try:
            levels = self._recompute(decision)
        except UnknownPolicy as unknown:
            why = str(unknown)
            report.count(Verdict.UNKNOWN_POLICY, lambda: _unknown_policy(decision, why))
            return
        except MissingSnapshot as missing:
            lost = Drift(name_of(decision), "context.snapshot", str(missing), "not in the store")
            report.count(Verdict.UNREADABLE, lambda: lost)
            return
        if decision.header == header_of(decision, levels) and decision.equals(levels):
            report.decisions += 1
            report.exact += 1
        else:
            report.count(*_verdict_on(decision, levels))

    def _recompute(self, decision: RecordedDecision) -> JudgedLevels:
        registered = self._policy(decision.policy)
        instrument = self._instrument(decision.snapshot)
        brackets = () if instrument is None else instrument.brackets
        raw = self._engine.compute(registered.policy, decision.inputs, brackets)
        return judge_levels(registered.policy.unit, decision.inputs, raw, instrument, decision.freshness)

    def _policy(self, ref: PolicyRef) -> RegisteredPolicy:
        registered = self._register.policies.get(ref.name)
        if registered is None or registered.ref.parameters_hash != ref.parameters_hash:
            raise UnknownPolicy(
                f"{ref.name} with parameters {ref.parameters_hash[:12]}", tuple(self._register.policies)
            )
        return registered

    def _instrument(self, content_hash: str | None) -> Instrument | None:
        if content_hash is None:
            return None
        if content_hash not in self._snapshots:
            self._snapshots[content_hash] = self._ledger.instrument(content_hash)
        found = self._snapshots[content_hash]
        if found is None:
            raise MissingSnapshot(content_hash)
        return found


class MissingSnapshot(Exception):
    """A decision refers to an instrument snapshot that the store does not hold."""


def name_of(decision: RecordedDecision | UnreadableDecision) -> str:
    """Return the id of a decision as text."""
    if isinstance(decision, UnreadableDecision):
        return f"log position {decision.log_position}"
    return str(decision_id(decision.plan_id, decision.revision))


def header_of(decision: RecordedDecision, levels: JudgedLevels) -> Revised:
    """Return what the state of the plan should have taken from a decision with these levels."""
    harvest = levels.raw.harvest if levels.raw.refusal is None else None
    return Revised(decision.revision, decision.inputs.quantity, harvest)


def _verdict_on(decision: RecordedDecision, levels: JudgedLevels) -> tuple[Verdict, Callable[[], Drift]]:
    recorded = {"": decision.header, "levels": decision.levels()}
    difference = first_difference(recorded, {"": header_of(decision, levels), "levels": levels})
    if difference is None:
        # The same numbers in another writing: the stored text was altered, and every bit of meaning was kept.
        difference = Difference("levels", "not written as this version writes it", "the same values")
    found = Drift(name_of(decision), difference.field, difference.recorded, difference.recomputed)
    return Verdict.DRIFT, lambda: found


def _unreadable(decision: UnreadableDecision) -> Drift:
    return Drift(name_of(decision), "event", decision.why, "")


def _unknown_policy(decision: RecordedDecision, why: str) -> Drift:
    return Drift(name_of(decision), "policy", decision.policy.name, why)


def in_parts(head: int, parts: int) -> Iterator[tuple[int, int]]:
    """Split the log up to `head` into ranges (after, upto]."""
    size = max(1, -(-head // parts))
    for after in range(0, head, size):
        yield after, min(after + size, head)
