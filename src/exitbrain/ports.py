"""The ports that a host may implement itself, with their promises and the errors they raise."""

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.decision_log import DecisionLog, RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import (
    AlreadyReceived,
    BadStoreUrl,
    Conflict,
    ExitLedger,
    LedgerError,
    LogEntry,
    NoStore,
    StoreUnavailable,
    UnreadableEvent,
    latest_cycle,
)
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.level_engine import EngineFailed, EngineUnavailable, LevelEngine
from exitbrain.application.ports.raw_log import RawLog, RawRow
from exitbrain.application.ports.translator import Translator

__all__ = [
    "AlreadyReceived",
    "BadStoreUrl",
    "Clock",
    "Conflict",
    "DecisionLog",
    "EngineFailed",
    "EngineUnavailable",
    "ExitLedger",
    "Instruments",
    "LedgerError",
    "LevelEngine",
    "LogEntry",
    "NoInstruments",
    "NoStore",
    "RawLog",
    "RawRow",
    "RecordedDecision",
    "StoreUnavailable",
    "Translator",
    "UnreadableDecision",
    "UnreadableEvent",
    "latest_cycle",
]
