"""What commands print with `--json`: one structure each, from which the published JSON Schemas are made."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from exitbrain.domain.values import Unit
from exitbrain.infrastructure.wording import State


class Binding(Struct):
    """A constraint that changed a number; before and after are raw numbers, for `tick` prices."""

    level: str
    constraint: str
    before: float
    after: float


class Guard(Struct):
    """What a guard found; `detail` is a sentence with its figures, empty where it passed."""

    name: str
    state: State
    detail: str


class Assumed(Struct):
    """A default that stood in for an input that was not given."""

    field: str
    value: str
    why: str


class Prices(Struct):
    """Trigger prices, as decimal strings."""

    tp1: str
    tp2: str
    tp3: str
    sl: str


class SliceToClose(Struct):
    """How much to close at a target, as a decimal string."""

    level: str
    quantity: str
    merged: bool


class LevelsReport(Struct):
    """Levels; raw numbers in the unit of the policy. Where they were refused, levels and harvest are null."""

    policy: str
    engine: str
    unit: Unit
    lsf: float
    lsf_adjusted: float
    pnl_factor: float
    tp1: float | None
    tp2: float | None
    tp3: float | None
    sl: float | None
    harvest: list[float] | None
    refusal: str | None
    floor: float
    cap: float
    binding: list[Binding]
    guards: list[Guard]
    assumptions: list[Assumed]
    trigger_prices: Prices | None
    slices: list[SliceToClose]


class Line(Struct):
    """One line of a derivation: `name = expression`, the double it gives, and the names it uses."""

    name: str
    expression: str
    value: float
    uses: list[str]


class FirstDrift(Struct, omit_defaults=True):
    """The first field that differs. For an intake replay `decision_id` names the receipt.

    `recorded_by` and `recomputed_by` name the engines, where another one had computed than the one at hand.
    """

    decision_id: str
    field: str
    recorded: str
    recomputed: str
    recorded_by: str | None = None
    recomputed_by: str | None = None


class RecordedDecision(Struct):
    """Which decision was explained, and whether the record equals the derivation bit for bit."""

    decision_id: str
    plan_id: str
    revision: int
    symbol: str
    at: datetime
    cause: str
    engine: str
    verdict: Literal["EXACT", "DRIFT"]
    first_drift: FirstDrift | None


class ExplainReport(LevelsReport, kw_only=True):
    """Levels with the lines that derive them; `recorded` is null for given inputs."""

    lines: list[Line]
    recorded: RecordedDecision | None


class RefusedEntry(Struct):
    """An entry that can not be used, and why."""

    entry: str
    reason: str


class IngestReport(Struct):
    """What ingesting came to; read = accepted + ignored + refused + duplicate.

    Of the ignored, `exits_ignored` are exits that ended nothing and should be looked at, `exit_repeats` those that were
    to be expected; of the refused, `exits_refused` are exits. `refusals` tell of every message that stands refused,
    also of one that was taken in and refused before.
    """

    read: int
    accepted: int
    ignored: int
    refused: int
    duplicate: int
    decisions: int
    exits_ignored: int
    exit_repeats: int
    exits_refused: int
    refusals: list[RefusedEntry]


class Spread(Struct):
    """How far an engine lies from the record in one field, engine minus record; levels as fractions of the price."""

    changed: int
    min: float
    p05: float
    median: float
    mean: float
    p95: float
    max: float


class GuardCounts(Struct):
    """How many decisions failed each guard as recorded, and how many with the levels of another engine."""

    before: dict[str, int]
    after: dict[str, int]


class RegisterFinding(Struct):
    """An event of the policy register that no message asked for, or a policy that is not what was registered."""

    log_position: int
    event: str
    why: str


class ReplayVerdicts(Struct, omit_defaults=True):
    """The verdicts of a replay.

    `receipts` and `receipts_exact` are there with `--from-receipts` alone, `register` (what is wrong in the policy
    register) with `--context` alone; with `--engine` alone `engine`, `failed` (decisions for which it gave no
    levels), `fields`, `harvest_changed`, `guards`.
    """

    decisions: int
    exact: int
    drift: int
    unknown_policy: int
    unreadable: int
    first_drift: FirstDrift | None
    seconds: float
    receipts: int | None = None
    receipts_exact: int | None = None
    engine: str | None = None
    failed: int | None = None
    fields: dict[str, Spread] | None = None
    harvest_changed: int | None = None
    guards: GuardCounts | None = None
    register: list[RegisterFinding] | None = None


class ExportReport(Struct):
    """The columnar mirror after an export, or as `--verify` found it; `covers` is a log position.

    `damaged` and `different` name segments: an export has rebuilt them.
    """

    folder: str
    verified: bool
    covers: int
    segments: int
    written: int
    decisions: int
    damaged: list[str]
    different: list[str]
    seconds: float


class BeforeAndAfter(Struct):
    """How many decisions were so, and how many would be."""

    before: int
    after: int


class FieldChange(Struct):
    """How a number changed, after less before, over the decisions with levels on both sides; null where none has.

    Levels are fractions of the entry price, `lsf` is the adjusted LSF. The mean is the sum in log order over their number.
    """

    changed: int
    min: float | None
    mean: float | None
    max: float | None


class GuardCounted(Struct):
    """What a guard found on so many plans."""

    passed: int
    failed: int
    unknown: int


class GuardsBeforeAndAfter(Struct):
    """What every guard found, by its name."""

    before: dict[str, GuardCounted]
    after: dict[str, GuardCounted]


class WhatIfAnswer(Struct):
    """What a policy would have changed; `parameters` are those that differ from the policy of that name.

    A plan is safe when every guard on its levels passed: `became_unsafe` were and would not be, `became_safe` the reverse.
    """

    policy: str
    parameters: dict[str, float]
    decisions: int
    changed: int
    compared: int
    refused: BeforeAndAfter
    fields: dict[str, FieldChange]
    guards: GuardsBeforeAndAfter
    safe: BeforeAndAfter
    became_unsafe: int
    became_safe: int


class LeftOutDecisions(Struct):
    """Selected decisions that nothing can be said about."""

    unreadable: int
    unknown_policy: int
    missing_snapshot: int


class WhatIfReport(Struct, omit_defaults=True, kw_only=True):
    """What one policy would have changed, or of a family (`--sweep`, several `--policy`) each of the `policies`, and then nothing else of these.

    `mirror_trusted` is there where columns of a mirror were used: they were not compared with the store.
    """

    policy: str | None = None
    parameters: dict[str, float] | None = None
    decisions: int | None = None
    changed: int | None = None
    compared: int | None = None
    refused: BeforeAndAfter | None = None
    fields: dict[str, FieldChange] | None = None
    guards: GuardsBeforeAndAfter | None = None
    safe: BeforeAndAfter | None = None
    became_unsafe: int | None = None
    became_safe: int | None = None
    policies: list[WhatIfAnswer] | None = None
    left_out: LeftOutDecisions
    lane: Literal["row", "columnar"]
    mirror_trusted: bool = False
    seconds: float


class LsfInputs(Struct):
    """What the adjusted LSF of a decision was made from; the average is the mean price return in percent."""

    leverage: float
    average_pnl: float
    confidence: float
    policy: str


class LsfInputsChanged(Struct):
    """The inputs of the earlier decision, and those of the later."""

    before: LsfInputs
    after: LsfInputs


class CountedClose(Struct):
    """A closed position whose result was in an average; what of its price return counts, in percent, is a decimal string."""

    position_id: str
    symbol: str
    at: datetime
    pnl_percent: str
    log_position: int


class ClosesChanged(Struct):
    """The closes behind the average of the earlier decision, and of the later, oldest first."""

    before: list[CountedClose]
    after: list[CountedClose]


class Change(Struct, omit_defaults=True):
    """One change of the adjusted LSF; delta and effects are exact, as decimal strings.

    `closes` is there with `--closes` alone.
    """

    at: datetime
    symbol: str
    position_id: str
    decision_id: str
    before: float
    after: float
    delta: str
    leverage_effect: str
    pnl_effect: str
    confidence_effect: str
    policy_effect: str
    cause: str
    inputs: LsfInputsChanged
    closes: ClosesChanged | None = None


class LsfEffects(Struct):
    """In how many changes each of them had an effect."""

    leverage: int
    pnl: int
    confidence: int
    policy: int


class LsfSummary(Struct):
    """How many of the selected decisions changed the adjusted LSF, shown or not, and when the first and the last occurred."""

    decisions: int
    changes: int
    first: datetime | None
    last: datetime | None
    effects: LsfEffects
    causes: dict[str, int]


class LsfAuditReport(Struct):
    """The selected changes of the LSF, or with `--limit` the newest of them, in log order."""

    changes: list[Change]
    summary: LsfSummary


class PolicyDescription(Struct):
    """A policy; `active` are the scopes it is in force for, "*" meaning every symbol without one of its own."""

    name: str
    formula: str
    unit: Unit
    ignores: list[str]
    active: list[str]
    fingerprint: str
    parameters_hash: str
    parameters: dict[str, float]


class PolicyListReport(Struct):
    """The policies of a store, or those that this version ships."""

    source: str
    policies: list[PolicyDescription]


class PolicyShowReport(Struct):
    """One policy."""

    source: str
    policy: PolicyDescription


class Difference(Struct):
    """What differs between two policies; null where one has no such parameter."""

    name: str
    a: float | str | None
    b: float | str | None


class Distances(Struct):
    """Levels as fractions of the entry price, and why there are none where they were refused."""

    tp1: float
    tp2: float
    tp3: float
    sl: float
    harvest: list[float]
    refusal: str | None


class Sample(Struct):
    """What two policies give for one leverage and otherwise usual inputs."""

    leverage: float
    a: Distances
    b: Distances


class PolicyDiffReport(Struct):
    """Two policies side by side."""

    source: str
    a: str
    b: str
    differences: list[Difference]
    samples: list[Sample]


class LatestDecision(Struct):
    """The decision a plan stands at, with its levels as raw numbers."""

    decision_id: str
    revision: int
    policy: str
    unit: Unit | None
    tp1: float
    tp2: float
    tp3: float
    sl: float
    trigger_prices: Prices | None


class PositionDescription(Struct):
    """One round trip; prices and quantities are decimal strings, null where unknown."""

    position_id: str
    plan_id: str
    account: str
    symbol: str
    position_side: str
    cycle: int
    side: str
    state: Literal["open", "closed"]
    leverage: float
    entry_price: str | None
    quantity: str | None
    opened_at: datetime
    closed_at: datetime | None
    reason: str | None
    pnl_percent: str | None
    decision: LatestDecision | None


class PositionsReport(Struct):
    """Positions in the order they were opened."""

    positions: list[PositionDescription]


class PlanDecision(Struct):
    """A level computation in the history of a plan."""

    decision_id: str
    revision: int
    cause: str
    policy: str
    engine: str
    lsf_adjusted: float
    tp1: float | None
    tp2: float | None
    tp3: float | None
    sl: float | None
    refusal: str | None
    binding: list[Binding]
    guards: list[Guard]
    assumptions: list[Assumed]
    trigger_prices: Prices | None


class HistoryEvent(Struct):
    """One event of a plan or of its position; `what` says it in words."""

    log_position: int
    at: datetime
    of: Literal["plan", "position"]
    event: str
    what: str
    decision: PlanDecision | None


PlanState = Literal["open", "completed", "cancelled"]


class PlanReport(Struct):
    """The history of one plan with that of its position, in log order."""

    plan_id: str
    position_id: str
    account: str
    symbol: str
    side: str
    state: PlanState
    events: list[HistoryEvent]


class Refusal(Struct):
    """Why a message can not be used: the field, what was given, what is allowed."""

    field: str
    value: str
    allowed: str


class Effect(Struct):
    """An event that a message led to."""

    log_position: int
    event: str
    id: str
    what: str


class MetPosition(Struct):
    """A position that an exit could have meant; `ended_by` and `ended_at` are null while it is open."""

    position_id: str
    cycle: int
    side: str
    entry_price: str | None
    quantity: str | None
    opened_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class IgnoredExit(Struct):
    """An exit that ended nothing: what it said, the positions it met, and the rule that told which is meant.

    `open` is the position that was open, `last` the one that ended before it, null where there is none. `held_by` is another
    account, which alone holds the symbol. `expected` says that no action is needed.
    """

    account: str
    symbol: str
    kind: str
    side: str | None
    order_id: str
    price: str | None
    open: MetPosition | None
    last: MetPosition | None
    rule: str | None
    held_by: str | None
    expected: bool


class ReceiptReport(Struct):
    """A message with its outcome; `encoded` says which fields stand for base64 or JSON.

    `ignored_exit` is there for an exit that ended nothing, else null.
    """

    receipt_id: str
    log_position: int
    source: str
    stream: str
    entry_id: str
    origin: str
    outcome: str
    reason: str | None
    refusal: Refusal | None
    account: str
    occurred_at: datetime
    time_origin: str
    recorded_at: datetime
    in_future: bool
    assumptions: list[Assumed]
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None
    ignored_exit: IgnoredExit | None
    effects: list[Effect]


class BookCloseReport(Struct):
    """What an operator's word that a position has ended led to; prices are decimal strings, null where unknown.

    Where nothing has ended, position, plan, side and prices are null; `held_by` is another account, which alone holds the
    symbol.
    """

    outcome: str
    reason: str | None
    refusal: Refusal | None
    receipt_id: str
    account: str
    symbol: str
    held_by: str | None
    position_id: str | None
    plan_id: str | None
    side: str | None
    entry_price: str | None
    exit_price: str | None
    pnl_percent: str | None


class DeadLetterRow(Struct):
    """A refused message; `retry_of` is the entry id of the first message of which it was a retry."""

    entry_id: str
    source: str
    recorded_at: datetime
    symbol: str | None
    reason: str
    refusal: Refusal
    retry_of: str | None


class UnreadableEntry(Struct):
    """An entry among the dead letters that is none of ours, or damaged; `id` is its own id there."""

    id: str
    why: str


class DlqListReport(Struct):
    """The refused messages in the order they were recorded."""

    letters: list[DeadLetterRow]
    unreadable: list[UnreadableEntry]


class DlqShowReport(DeadLetterRow, kw_only=True):
    """A refused message with its fields; `encoded` says which of them stand for base64 or JSON."""

    stream: str
    receipt_id: str
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None


class DlqRetryReport(Struct):
    """A message that was sent again; `checked` is the store that has no accepted retry of it, null for none asked."""

    entry_id: str
    stream: str
    retry_of: str
    checked: str | None


class Moved(Struct):
    """The first decision or exit that moved in one way; `how` says what was perturbed."""

    finding: Literal["LOOKS_AHEAD", "REMEMBERS", "NOT_REPEATABLE", "READS", "FAILED"]
    subject: str
    how: str
    field: str
    before: str
    after: str


class LookaheadVerdict(Struct):
    """What was found about one policy; `verdict` is CLEAN, UNTESTED, or the gravest finding.

    `compared` and `left_out` count comparisons by part and moments by reason; `when_loaded` is not judged.
    """

    policy: str
    verdict: str
    compared: dict[str, int]
    left_out: dict[str, int]
    moved: list[Moved]
    when_loaded: list[str]


class LookaheadReport(Struct):
    """The look-ahead test of policies on a record (`messages`) or on positions and candles (`positions`)."""

    source: str
    messages: int | None
    positions: int | None
    decisions: int
    cuts: int
    policies: list[LookaheadVerdict]


class Check(Struct):
    """One thing that was looked at; `ok` is null where there was nothing to check."""

    name: str
    ok: bool | None
    detail: str


class DoctorReport(Struct):
    """The effective settings with secrets masked, and the state of what they name.

    `sources` tells of each setting that is no default where it was set: a flag, the environment, or a file.
    """

    version: str
    python: str
    packages: dict[str, str]
    settings: dict[str, str | int | float | None]
    sources: dict[str, str]
    checks: list[Check]


class VersionReport(Struct):
    """The version, and the newest store format it reads and writes."""

    version: str
    python: str
    store_format: int


REPORTS: dict[str, type[Struct]] = {
    "levels": LevelsReport,
    "explain": ExplainReport,
    "ingest": IngestReport,
    "replay": ReplayVerdicts,
    "export parquet": ExportReport,
    "whatif": WhatIfReport,
    "audit lsf": LsfAuditReport,
    "policy list": PolicyListReport,
    "policy show": PolicyShowReport,
    "policy diff": PolicyDiffReport,
    "positions": PositionsReport,
    "plan": PlanReport,
    "receipt": ReceiptReport,
    "book close": BookCloseReport,
    "dlq list": DlqListReport,
    "dlq show": DlqShowReport,
    "dlq retry": DlqRetryReport,
    "lab lookahead": LookaheadReport,
    "doctor": DoctorReport,
    "version": VersionReport,
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of what each command prints with `--json`, by the name of the command."""
    # Only here: these commands bring modules that no other report needs.
    from exitbrain.infrastructure.cli.demo import DemoReport  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.cli.outcome_report import WhatIfWithOutcomes  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.cli.simulation_report import SimulateReport  # noqa: PLC0415 - start-up

    later = {"whatif": WhatIfWithOutcomes, "simulate": SimulateReport, "demo": DemoReport}
    reports = {**REPORTS, **later}
    return {command: msgspec.json.schema(report) for command, report in reports.items()}
