"""What each step of the demonstration found, as plain data: printed for people, or as JSON.

`commands` are those that do the same for a user, in the folder of the demonstration.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ingest_summary import IngestSummary
from exitbrain.application.lsf_audit import LsfChange
from exitbrain.application.replay import ReplayReport
from exitbrain.domain.formulas.tracing import Line
from exitbrain.domain.guards import GuardReport
from exitbrain.domain.judgement.interval import Interval
from exitbrain.domain.judgement.verdict import Judgement
from exitbrain.domain.levels import RawLevels
from exitbrain.domain.values import Side


@dataclass(frozen=True, slots=True)
class PublishedLevels:
    """What a reader of the stream of levels gets, in short; raw numbers."""

    symbol: str
    side: Side
    leverage: float
    tp1: float
    tp2: float
    tp3: float
    sl: float
    lsf: float


@dataclass(frozen=True, slots=True)
class Streamed:
    """Messages through Redis and the worker; `example` is one published entry, `seconds` from the first message on."""

    server: str
    sent: int
    decisions: int
    events: dict[str, int]
    dead_letters: int
    seconds: float
    example: PublishedLevels
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotStreamed:
    """There is no Redis to be had here, so the story runs over files."""

    missing: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ingested:
    """The same file taken in twice, and how many events the log held after each time.

    `same_as_live` is how many decisions are those of the worker, in inputs and outputs; None where none ran.
    """

    first: IngestSummary
    again: IngestSummary
    events: int
    events_after: int
    seconds: float
    same_as_live: int | None
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelsAt:
    """The raw levels for one leverage and volatility."""

    leverage: float
    volatility: float
    levels: RawLevels


@dataclass(frozen=True, slots=True)
class LevelTable:
    """Levels of one policy for several leverages, raw numbers in its unit."""

    policy: str
    unit: str
    rows: tuple[LevelsAt, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimedReplay:
    """The verdicts of one replay and how long it took."""

    report: ReplayReport
    seconds: float


@dataclass(frozen=True, slots=True)
class Replays:
    """The verdicts of the three replays of one store."""

    decisions: TimedReplay
    receipts: TimedReplay
    context: TimedReplay
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuardCounts:
    """How many decisions of a store failed each guard, and on how many it was not checkable."""

    decisions: int
    failed: dict[str, int]
    not_checkable: dict[str, int]


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """One level of a decision: its distance as a fraction, its trigger price, what bound it."""

    level: str
    distance: float
    trigger: Decimal
    bound_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One recorded decision as it is shown."""

    decision_id: UUID
    policy: str
    symbol: str
    side: Side
    leverage: float
    entry_price: Decimal
    levels: tuple[PlannedLevel, ...]
    guards: GuardReport


@dataclass(frozen=True, slots=True)
class GuardsFailed:
    """What the guards found on everything recorded, and on one decision."""

    counts: GuardCounts
    example: Plan
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedPlan:
    """A decision for which the policy gave no levels; `levels` holds the floor and the cap of its stop."""

    decision_id: UUID
    symbol: str
    side: Side
    leverage: float
    levels: RawLevels


@dataclass(frozen=True, slots=True)
class Cure:
    """The same messages under the two policies: one decision side by side, the guards side by side."""

    before: Plan
    after: Plan
    guards_before: GuardCounts
    guards_after: GuardCounts
    computed: int
    refused: int
    refusal: RefusedPlan
    replays: Replays
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LsfExplained:
    """One change of the adjusted LSF with its exact parts, and the lines that lead to TP1 of the later decision.

    The PnL factors are those of the earlier decision and of the later.
    """

    change: LsfChange
    pnl_factors: tuple[float, float]
    chain: tuple[Line, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoppedSoon:
    """How many positions the stop closed within so many minutes of their entry, in the two histories that bound them."""

    minutes: int
    pessimistic: int
    optimistic: int


@dataclass(frozen=True, slots=True)
class WalkedPolicy:
    """All positions under one policy: the bounds of their net results, each a fraction of its own entry notional, added up."""

    policy: str
    net: Interval
    stopped: StoppedSoon


@dataclass(frozen=True, slots=True)
class AskedWhatIf:
    """Recorded positions as they were planned and under another policy, on synthetic candles, and the verdict.

    `left_out` counts by reason the positions that are in no number. `lower` and `upper` are the effects behind the
    bounds of the difference, exact decimals with their `total`. `report` is the name of the page, null where the
    library that draws it is missing.
    """

    positions: int
    left_out: dict[str, int]
    ambiguous: int
    before: WalkedPolicy
    after: WalkedPolicy
    difference: Interval
    lower: dict[str, Decimal]
    upper: dict[str, Decimal]
    judgement: Judgement
    report: str | None
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alteration:
    """A digit of a recorded output, altered in the file of a store."""

    decision_id: UUID
    field: str
    was: str
    altered: str


@dataclass(frozen=True, slots=True)
class Tampering:
    """An alteration, and the replay that found it; `exit_code` is that of the command."""

    alteration: Alteration
    replay: ReplayReport
    exit_code: int
    commands: tuple[str, ...]


Result = (
    Streamed
    | NotStreamed
    | Ingested
    | LevelTable
    | Replays
    | GuardsFailed
    | Cure
    | LsfExplained
    | AskedWhatIf
    | Tampering
)


class FailedStep(Struct):
    """The step that ended the demonstration, and what it claimed that was not true."""

    step: str
    claim: str


class DemoReport(Struct):
    """The whole demonstration.

    Null are steps after a failed one, `stream` without a Redis, `folder` of what is not kept, and `page`, where the
    report of the what-if lies, without one.
    """

    ok: bool
    failed: FailedStep | None
    seconds: float
    folder: str | None
    page: str | None
    stream: Streamed | None = None
    ingest: Ingested | None = None
    levels: LevelTable | None = None
    replay: Replays | None = None
    guards: GuardsFailed | None = None
    cure: Cure | None = None
    lsf: LsfExplained | None = None
    whatif: AskedWhatIf | None = None
    tampering: Tampering | None = None
