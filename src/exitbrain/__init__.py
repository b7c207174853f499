"""ExitBrain: record, replay, question and prove the exit decisions of leveraged futures positions.

The names in this package and in `exitbrain.ports` are the public API. Each is imported on first use, so
`import exitbrain` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # for type checkers; at run time _MODULES and the catalogue give the same names
    # isort: off
    from exitbrain.application.whatif.decisions import (
        Change as Change,
        Counterfactual as Counterfactual,
        GuardCounts as GuardCounts,
        LeftOut as LeftOut,
        WhatIf as WhatIf,
    )
    from exitbrain.application.recording.decided import Context as Context, Decided as Decided, State as State
    from exitbrain.application.queries.explain import Explanation as Explanation
    from exitbrain.application.queries.lsf_history import (
        CountedClose as CountedClose,
        LsfChange as LsfChange,
        LsfInputs as LsfInputs,
    )
    from exitbrain.application.recording.opening import PolicyNotInForce as PolicyNotInForce
    from exitbrain.domain.messages.result import (
        MessageResult as MessageResult,
        PolicyInForce as PolicyInForce,
    )
    from exitbrain.application.ports.exit_ledger import (
        AlreadyReceived as AlreadyReceived,
        BadStoreUrl as BadStoreUrl,
        Conflict as Conflict,
        LedgerError as LedgerError,
        LogEntry as LogEntry,
        NoStore as NoStore,
        StoreUnavailable as StoreUnavailable,
        UnreadableEvent as UnreadableEvent,
    )
    from exitbrain.application.recording.policy_check import (
        AlteredPolicy as AlteredPolicy,
        ChangedFormula as ChangedFormula,
    )
    from exitbrain.application.ports.level_engine import (
        EngineFailed as EngineFailed,
        EngineUnavailable as EngineUnavailable,
    )
    from exitbrain.application.replay.decisions import (
        Drift as Drift,
        RegisterFinding as RegisterFinding,
        ReplayReport as ReplayReport,
        Selection as Selection,
        Verdict as Verdict,
    )
    from exitbrain.domain.events import Record as Record, Stamp as Stamp
    from exitbrain.domain.catalogue import ExitEvent as ExitEvent
    from exitbrain.domain.messages.claim import KeyClaimed as KeyClaimed
    from exitbrain.domain.messages.configuration import (
        DecisionSettings as DecisionSettings,
        IntakeConfigured as IntakeConfigured,
    )
    from exitbrain.domain.plans.decision import (
        DecisionContext as DecisionContext,
        DecisionId as DecisionId,
        JudgedLevels as JudgedLevels,
    )
    from exitbrain.domain.errors import (
        DomainError as DomainError,
        ExitBrainError as ExitBrainError,
        InvalidValue as InvalidValue,
        UnknownPolicy as UnknownPolicy,
        WrongState as WrongState,
    )
    from exitbrain.domain.plans.exit_plan import (
        ExitPlan as ExitPlan,
        ExitPlanCancelled as ExitPlanCancelled,
        ExitPlanCompleted as ExitPlanCompleted,
        ExitPlanOpened as ExitPlanOpened,
        ExitPlanResized as ExitPlanResized,
        Leg as Leg,
        LevelsComputed as LevelsComputed,
        LevelsRefused as LevelsRefused,
        Revised as Revised,
    )
    from exitbrain.domain.algebra import Bound as Bound
    from exitbrain.domain.policies.formulas.tracing import Line as Line
    from exitbrain.domain.levels.guards import Freshness as Freshness, GuardReport as GuardReport
    from exitbrain.domain.identity import (
        decision_id as decision_id,
        plan_id as plan_id,
        position_id as position_id,
        snapshot_id as snapshot_id,
    )
    from exitbrain.domain.levels.instrument import (
        Bracket as Bracket,
        Instrument as Instrument,
        InstrumentSnapshotTaken as InstrumentSnapshotTaken,
    )
    from exitbrain.domain.levels.levels import (
        Distances as Distances,
        LevelInputs as LevelInputs,
        RawLevels as RawLevels,
        Slice as Slice,
        Triggers as Triggers,
        WindowReading as WindowReading,
    )
    from exitbrain.domain.messages.message import (
        ActivatePolicy as ActivatePolicy,
        BookClose as BookClose,
        ForeignStream as ForeignStream,
        IncomingMessage as IncomingMessage,
        IntentKind as IntentKind,
        MessageTime as MessageTime,
        TradeClosed as TradeClosed,
        TradeIntent as TradeIntent,
        Translation as Translation,
        Unusable as Unusable,
    )
    from exitbrain.domain.positions.performance import PnLWindow as PnLWindow
    from exitbrain.domain.policies.policy import Policy as Policy, PolicyRef as PolicyRef
    from exitbrain.domain.policies.register import (
        PolicyActivated as PolicyActivated,
        PolicyRegister as PolicyRegister,
        PolicyRegistered as PolicyRegistered,
        RegisteredPolicy as RegisteredPolicy,
    )
    from exitbrain.domain.positions.position import Position as Position
    from exitbrain.domain.positions.sighting import Sighting as Sighting
    from exitbrain.domain.positions.events import *  # noqa: F403 - all are public; a new event needs no line
    from exitbrain.domain.messages.receipt import (
        Cycle as Cycle,
        Disposition as Disposition,
        FailedAsking as FailedAsking,
        IgnoredExit as IgnoredExit,
        MessageReceived as MessageReceived,
        RawFields as RawFields,
        Reason as Reason,
        Refusal as Refusal,
    )
    from exitbrain.domain.store import EpochRaised as EpochRaised, StoreOpened as StoreOpened
    from exitbrain.domain.values import (
        Assumption as Assumption,
        Cause as Cause,
        EntryId as EntryId,
        Origin as Origin,
        Side as Side,
        TimeOrigin as TimeOrigin,
        Unit as Unit,
        Whose as Whose,
    )
    from exitbrain.infrastructure.instruments.file import InstrumentsUnreadable as InstrumentsUnreadable
    from exitbrain.infrastructure.library.legacy_api import (
        AdaptiveLevels as AdaptiveLevels,
        AdaptiveLeverageEngine as AdaptiveLeverageEngine,
        ExitBrainV35Integration as ExitBrainV35Integration,
        PnLTracker as PnLTracker,
    )
    from exitbrain.infrastructure.library.embedding import (
        decode_event as decode_event,
        encode_event as encode_event,
        incoming_message as incoming_message,
    )
    from exitbrain.infrastructure.library.async_facade import AsyncExitBrain as AsyncExitBrain
    from exitbrain.infrastructure.library.facade import ExitBrain as ExitBrain
    from exitbrain.infrastructure.event_store.joined import (
        JoinedLedger as JoinedLedger,
        ledger_over as ledger_over,
    )
    from exitbrain.infrastructure.library.given import GivenInputs as GivenInputs
    from exitbrain.infrastructure.library.open_settings import OpenSettings as OpenSettings
    from exitbrain.infrastructure.library.outcome_options import OutcomeOptions as OutcomeOptions
    from exitbrain.infrastructure.library.outcomes import (
        JudgedPolicy as JudgedPolicy,
        LaboratoryMissing as LaboratoryMissing,
        LabOutcomes as LabOutcomes,
    )
    from exitbrain.infrastructure.reasons import ReasonsUnreadable as ReasonsUnreadable
    from exitbrain.application.ports.market import (
        MarketUnreadable as MarketUnreadable,
        Omitted as Omitted,
    )
    from exitbrain.domain.evidence.interval import Interval as Interval
    from exitbrain.domain.evidence.verdict import (
        Evidence as Evidence,
        Recommendation as Recommendation,
        RecommendationReason as RecommendationReason,
        Resampling as Resampling,
    )
    from exitbrain.infrastructure.settings import SettingsError as SettingsError

    # isort: on
    __all__: list[str]

_MODULES = {
    "exitbrain.application.whatif.decisions": "Change Counterfactual GuardCounts LeftOut WhatIf",
    "exitbrain.application.recording.decided": "Context Decided State",
    "exitbrain.application.queries.explain": "Explanation",
    "exitbrain.application.queries.lsf_history": "CountedClose LsfChange LsfInputs",
    "exitbrain.application.recording.opening": "PolicyNotInForce",
    "exitbrain.domain.messages.result": "MessageResult PolicyInForce",
    "exitbrain.application.ports.exit_ledger": "AlreadyReceived BadStoreUrl Conflict LedgerError LogEntry NoStore StoreUnavailable UnreadableEvent",
    "exitbrain.application.ports.level_engine": "EngineFailed EngineUnavailable",
    "exitbrain.application.recording.policy_check": "AlteredPolicy ChangedFormula",
    "exitbrain.application.replay.decisions": "Drift RegisterFinding ReplayReport Selection Verdict",
    "exitbrain.domain.events": "Record Stamp",
    "exitbrain.domain.catalogue": "ExitEvent",
    "exitbrain.domain.messages.configuration": "DecisionSettings",
    "exitbrain.domain.plans.decision": "DecisionContext DecisionId JudgedLevels",
    "exitbrain.domain.errors": "DomainError ExitBrainError InvalidValue UnknownPolicy WrongState",
    "exitbrain.domain.plans.exit_plan": "ExitPlan Leg Revised",
    "exitbrain.domain.algebra": "Bound",
    "exitbrain.domain.policies.formulas.tracing": "Line",
    "exitbrain.domain.levels.guards": "Freshness GuardReport",
    "exitbrain.domain.identity": "decision_id plan_id position_id snapshot_id",
    "exitbrain.domain.levels.instrument": "Bracket Instrument",
    "exitbrain.domain.levels.levels": "Distances LevelInputs RawLevels Slice Triggers WindowReading",
    "exitbrain.domain.messages.message": "ActivatePolicy BookClose ForeignStream IncomingMessage IntentKind MessageTime TradeClosed TradeIntent Translation Unusable",
    "exitbrain.domain.positions.performance": "PnLWindow",
    "exitbrain.domain.policies.policy": "Policy PolicyRef",
    "exitbrain.domain.policies.register": "PolicyRegister RegisteredPolicy",
    "exitbrain.domain.positions.position": "Position",
    "exitbrain.domain.positions.events": "Result",
    "exitbrain.domain.messages.receipt": "Cycle Disposition FailedAsking IgnoredExit RawFields Reason Refusal",
    "exitbrain.domain.positions.sighting": "Sighting",
    "exitbrain.domain.values": "Assumption Cause EntryId Origin Side TimeOrigin Unit Whose",
    "exitbrain.infrastructure.instruments.file": "InstrumentsUnreadable",
    "exitbrain.infrastructure.library.legacy_api": "AdaptiveLevels AdaptiveLeverageEngine ExitBrainV35Integration PnLTracker",
    "exitbrain.infrastructure.library.embedding": "decode_event encode_event incoming_message",
    "exitbrain.infrastructure.library.async_facade": "AsyncExitBrain",
    "exitbrain.infrastructure.library.facade": "ExitBrain",
    "exitbrain.infrastructure.event_store.joined": "JoinedLedger ledger_over",
    "exitbrain.infrastructure.library.given": "GivenInputs",
    "exitbrain.infrastructure.library.open_settings": "OpenSettings",
    "exitbrain.infrastructure.library.outcome_options": "OutcomeOptions",
    "exitbrain.infrastructure.library.outcomes": "JudgedPolicy LaboratoryMissing LabOutcomes",
    "exitbrain.infrastructure.reasons": "ReasonsUnreadable",
    "exitbrain.application.ports.market": "MarketUnreadable Omitted",
    "exitbrain.domain.evidence.interval": "Interval",
    "exitbrain.domain.evidence.verdict": "Evidence Recommendation RecommendationReason Resampling",
    "exitbrain.infrastructure.settings": "SettingsError",
}
_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker must still reject names that do not exist

    def __getattr__(name: str) -> object:
        if name == "__all__":
            value = [*_HOME, *_events()]
        elif name in _HOME:
            value = getattr(import_module(_HOME[name]), name)
        elif name.startswith("_") or name not in (events := _events()):
            raise AttributeError(f"module {__name__} has no {name}", name=name)
        else:
            value = events[name]
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOME, *_events()})

    def _events() -> dict[str, type]:
        """Return the event classes of the catalogue, so a new event becomes public without a line here."""
        catalogue = import_module("exitbrain.domain.catalogue")
        return {cls.__name__: cls for cls in catalogue.EVENT_CLASSES}
