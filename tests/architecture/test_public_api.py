"""What a host may import, and that it says what it does."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import exitbrain
from exitbrain import ports
from tests.architecture.source import ROOT

PUBLIC = [
    "ActivatePolicy",
    "AdaptiveLevels",
    "AdaptiveLeverageEngine",
    "AlreadyReceived",
    "AlteredPolicy",
    "Assumption",
    "AsyncExitBrain",
    "BadStoreUrl",
    "BookClose",
    "Bound",
    "Bracket",
    "Cause",
    "Change",
    "ChangedFormula",
    "CloseReported",
    "Conflict",
    "Context",
    "CountedClose",
    "Counterfactual",
    "Cycle",
    "Decided",
    "DecisionContext",
    "DecisionId",
    "DecisionSettings",
    "Disposition",
    "Distances",
    "DomainError",
    "Drift",
    "EngineFailed",
    "EngineUnavailable",
    "EntryId",
    "EpochRaised",
    "Evidence",
    "ExitBrain",
    "ExitBrainError",
    "ExitBrainV35Integration",
    "ExitEvent",
    "ExitPlan",
    "ExitPlanCancelled",
    "ExitPlanCompleted",
    "ExitPlanOpened",
    "ExitPlanResized",
    "Explanation",
    "FailedAsking",
    "ForeignStream",
    "Freshness",
    "GivenInputs",
    "GuardCounts",
    "GuardReport",
    "IgnoredExit",
    "IncomingMessage",
    "Instrument",
    "InstrumentSnapshotTaken",
    "InstrumentsUnreadable",
    "IntakeConfigured",
    "IntentKind",
    "Interval",
    "InvalidValue",
    "JudgedLevels",
    "JoinedLedger",
    "JudgedPolicy",
    "KeyClaimed",
    "LaboratoryMissing",
    "LabOutcomes",
    "LedgerError",
    "LeftOut",
    "Leg",
    "LevelInputs",
    "LevelsComputed",
    "LevelsRefused",
    "LeverageChanged",
    "Line",
    "LogEntry",
    "LsfChange",
    "LsfInputs",
    "MarketUnreadable",
    "MessageReceived",
    "MessageTime",
    "NoStore",
    "Omitted",
    "OpenSettings",
    "Origin",
    "MessageResult",
    "OutcomeOptions",
    "PnLTracker",
    "PnLWindow",
    "Policy",
    "PolicyActivated",
    "PolicyInForce",
    "PolicyNotInForce",
    "PolicyRef",
    "PolicyRegister",
    "PolicyRegistered",
    "Position",
    "PositionClosed",
    "PositionIncreased",
    "PositionOpened",
    "PositionReduced",
    "RawFields",
    "RawLevels",
    "Reason",
    "ReasonsUnreadable",
    "Recommendation",
    "RecommendationReason",
    "Record",
    "Refusal",
    "RegisterFinding",
    "RegisteredPolicy",
    "ReplayReport",
    "Resampling",
    "Result",
    "Revised",
    "Selection",
    "SettingsError",
    "Side",
    "Sighting",
    "Slice",
    "Stamp",
    "State",
    "StoreOpened",
    "StoreUnavailable",
    "TimeOrigin",
    "TradeClosed",
    "TradeIntent",
    "Translation",
    "Triggers",
    "Unit",
    "UnknownPolicy",
    "UnreadableEvent",
    "Unusable",
    "Verdict",
    "WhatIf",
    "Whose",
    "WindowReading",
    "WrongState",
    "decision_id",
    "decode_event",
    "encode_event",
    "incoming_message",
    "ledger_over",
    "plan_id",
    "position_id",
    "snapshot_id",
]

PORTS = [
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

# What these do is said where they are promised: at the aggregate and at the port.
PROMISED_ELSEWHERE = {"apply", "instrument"}

# Type aliases have no place for a docstring; a comment or a string beside them says what they are.
ALIASES = {"ExitEvent", "Translation", "RawRow"}


def undocumented(name: str, item: Any) -> Iterator[str]:
    """Yield the item and those of its own public methods and properties that have no docstring."""
    doc = item.__doc__ or ""
    if not doc or doc.startswith(f"{name}("):  # what a dataclass writes by itself says nothing
        yield name
    if not inspect.isclass(item):
        return
    shared = [base for base in item.__mro__ if base.__module__.startswith("exitbrain.infrastructure.library")]
    members = {name: member for base in (*reversed(shared), item) for name, member in vars(base).items()}
    for member_name, member in members.items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        own = inspect.isfunction(function) or isinstance(function, property)
        promised = member_name.startswith("_") or member_name in PROMISED_ELSEWHERE
        if own and not promised and not function.__doc__:
            yield f"{name}.{member_name}"


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after running the code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_public_names_are_the_listed_ones() -> None:
    assert sorted(exitbrain.__all__) == sorted(PUBLIC)
    assert sorted(ports.__all__) == sorted(PORTS)


def test_every_public_name_can_be_imported_and_is_listed() -> None:
    for name in PUBLIC:
        assert getattr(exitbrain, name) is not None
    for name in PORTS:
        assert getattr(ports, name) is not None
    assert set(PUBLIC) <= set(dir(exitbrain))


def test_what_type_checkers_see_is_what_the_interpreter_finds() -> None:
    source = (ROOT / "src" / "exitbrain" / "__init__.py").read_text(encoding="utf-8")
    scope: dict[str, Any] = {"__name__": "exitbrain"}
    exec(source.replace("if TYPE_CHECKING:", "if True:"), scope)  # noqa: S102 - our own source

    seen = {name: item for name, item in scope.items() if name in PUBLIC}
    assert seen == {name: getattr(exitbrain, name) for name in PUBLIC}


def test_an_unknown_name_is_refused_as_any_module_does() -> None:
    with pytest.raises(AttributeError, match="module exitbrain has no Nonsense"):
        getattr(exitbrain, "Nonsense")  # noqa: B009 - a type checker knows that it is not there
    with pytest.raises(ImportError, match="Nonsense"):
        exec("from exitbrain import Nonsense")  # noqa: S102 - a type checker knows that it is not there


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in ALIASES])
def test_public_names_say_what_they_are(name: str) -> None:
    assert list(undocumented(name, getattr(exitbrain, name))) == []


@pytest.mark.parametrize("name", [name for name in PORTS if name not in ALIASES])
def test_ports_say_what_they_promise(name: str) -> None:
    assert list(undocumented(name, getattr(ports, name))) == []


def test_a_missing_docstring_is_noticed() -> None:
    class Silent:
        """Say something here and nothing below."""

        def method(self) -> None:
            pass

        @property
        def value(self) -> int:
            return 1

    class Mute:
        pass

    assert list(undocumented("Silent", Silent)) == ["Silent.method", "Silent.value"]
    assert list(undocumented("Mute", Mute)) == ["Mute"]


def test_importing_the_package_loads_none_of_its_libraries() -> None:
    loaded = loaded_by("import exitbrain")
    heavy = {"binance", "dependency_injector", "eventsourcing", "msgspec", "numpy", "pydantic", "redis"}

    assert not loaded & heavy
    assert not [module for module in loaded if module.startswith("exitbrain.")]


def test_the_drop_ins_load_the_standard_library_and_msgspec_only() -> None:
    loaded = loaded_by("from exitbrain import AdaptiveLeverageEngine, PnLTracker, ExitBrainV35Integration")

    foreign = {module.partition(".")[0] for module in loaded} - set(sys.stdlib_module_names)
    assert foreign <= packages_loaded_with_msgspec() | {"exitbrain"}


def packages_loaded_with_msgspec() -> set[str]:
    """Return what an interpreter loads by itself (hooks of the environment, the main module), and msgspec with it."""
    return {module.partition(".")[0] for module in loaded_by("import msgspec")}
