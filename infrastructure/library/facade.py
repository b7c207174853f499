"""The facade: ExitBrain as a library, on its own store or on a host's adapters."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Self, Unpack
from uuid import uuid4

from exitbrain import __version__
from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.decision_log import DecisionLog
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.opening import begin_or_check
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.result import MessageResult, PolicyInForce
from exitbrain.domain.names import check_name
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.domain.values import changed
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.joined import JoinedLedger
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.startup import check_ledger
from exitbrain.infrastructure.library.arguments import (
    A_MESSAGE,
    check,
    check_port,
    messages_in,
)
from exitbrain.infrastructure.library.given import moment
from exitbrain.infrastructure.library.open_settings import OpenSettings
from exitbrain.infrastructure.library.questions import A_POLICY, ExitQuestions
from exitbrain.infrastructure.wire.activation import WithActivations, activation_message
from exitbrain.infrastructure.wire.translator import WireTranslator

_ADAPTERS: dict[str, type] = {
    "decisions": DecisionLog,
    "engine": LevelEngine,
    "instruments": Instruments,
    "clock": Clock,
    "translator": Translator,
}


class ExitBrain(ExitQuestions):
    """Record, explain and replay exit decisions.

    Built on a host's own adapters of `exitbrain.ports`: only the ledger is needed, the rest has defaults. An empty
    ledger is begun, with `policy` in force (None: v3.5). Any other is checked as a store of our own is: its format, the
    topics of its newest entries, that every policy is what it was registered as and computes what it did then, and that
    `policy`, when given, is the one in force. `ExitBrain.open` brings all adapters itself.

    Every method blocks; `AsyncExitBrain` is the awaitable twin. One instance serves one thread. Raises
    AlteredPolicy, ChangedFormula, PolicyNotInForce, UnknownPolicy, StoreUnavailable, and what the ledger raises.
    """

    def __init__(
        self,
        ledger: ExitLedger,
        *,
        decisions: DecisionLog | None = None,
        engine: LevelEngine | None = None,
        translator: Translator | None = None,
        instruments: Instruments | None = None,
        clock: Clock | None = None,
        settings: DecisionSettings | None = None,
        policy: str | None = None,
    ) -> None:
        check_port("ledger", ledger, ExitLedger, "; ExitBrain.open(...) takes the URL of a store")
        check("settings", settings, (DecisionSettings, NoneType), "DecisionSettings")
        settings = DecisionSettings() if settings is None else settings
        check_name("account", settings.account)
        engine = BuiltInFormulas() if engine is None else engine
        instruments = NoInstruments() if instruments is None else instruments
        decisions = _decisions_of(ledger) if decisions is None else decisions
        translator = WireTranslator() if translator is None else translator
        self._clock = SystemClock() if clock is None else clock
        _check_adapters(
            decisions=decisions,
            engine=engine,
            instruments=instruments,
            clock=self._clock,
            translator=translator,
        )
        if not isinstance(translator, WireTranslator):
            translator = WithActivations(translator)
        super().__init__(ledger, decisions, engine, translator, instruments, settings)
        self._store = ExitStack()
        apart = ledger.apart() if isinstance(ledger, JoinedLedger) else ledger
        check_ledger(apart)
        begin_or_check(apart, self._clock, __version__, new_id=uuid4(), policy=policy)
        self._recorder = Recorder(apart, self._intake, instruments, self._clock, settings, build=__version__)

    @classmethod
    def open(
        cls,
        store: str | None = None,
        *,
        env_file: str | Path | None = None,
        engine: LevelEngine | None = None,
        translator: Translator | None = None,
        clock: Clock | None = None,
        **settings: Unpack[OpenSettings],
    ) -> Self:
        """Open a store by its URL, beginning it when it does not exist.

        Engine, translator, clock and `instruments` may be adapters of yours; ours are taken where none is given.

        The store and every other setting come from the arguments, else from `EXITBRAIN_*` in the environment, else from
        `env_file`, such as `.env`, else from the defaults. Raises SettingsError for a setting that is not known or not
        allowed, and StoreUnavailable for a store that cannot be opened. Close it, or use it as a context manager.
        """
        # The wiring takes a third of a second to import, which a host with its own adapters can avoid.
        from exitbrain.infrastructure.container import opened  # noqa: PLC0415
        from exitbrain.infrastructure.settings import Settings, SettingsError, load_settings  # noqa: PLC0415

        if unknown := sorted(settings.keys() - Settings.model_fields.keys()):
            raise SettingsError(
                f"setting {unknown[0]} is not known; known: {', '.join(Settings.model_fields)}"
            )
        adapters: dict[str, object] = {"engine": engine, "translator": translator, "clock": clock}
        if not isinstance(settings.get("instruments"), str | Path | NoneType):
            adapters["instruments"] = settings.pop("instruments")
        _check_adapters(**{name: adapter for name, adapter in adapters.items() if adapter is not None})
        check("env_file", env_file, (str, Path, NoneType), "the path of a file such as .env")
        file = None if env_file is None else Path(env_file)
        if file is not None and not file.exists():
            raise SettingsError(f"env_file is {env_file}, and there is no such file")
        loaded = load_settings(env_file=file, store=store, **settings)
        with ExitStack() as stack:
            container = stack.enter_context(opened(loaded, "create", adapters=adapters))
            brain = cls(
                container.ledger(),
                decisions=container.decisions(),
                engine=container.engine(),
                translator=container.translator(),
                instruments=container.instruments(),
                clock=container.clock(),
                settings=loaded.decisions,
            )
            brain.mirror_folder = loaded.mirror_folder
            brain.reasons_file = loaded.reasons
            brain.file_limits = loaded.file_limits
            brain._store = stack.pop_all()
        return brain

    def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> MessageResult:
        """Record one message and return its result.

        One received before is not decided again: it has its original result, with the decision and levels of then,
        marked as a duplicate; that holds after a restart too.
        `at` is the time of recording (None: the clock's), aware, kept in UTC; a naive one raises InvalidValue.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self.handle_batch([message], at=at)[0]

    def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[MessageResult]:
        """Record messages in order, in one transaction unless another writer interferes; see `handle`."""
        return self._recorder.handle_batch(messages_in(messages), at=None if at is None else moment("at", at))

    def outcome_of(self, message: IncomingMessage) -> MessageResult | None:
        """Return the original result of a message received before, marked as a duplicate; None for any other.

        For hosts that append what `decide` returns and meet AlreadyReceived.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self._recorder.outcome_of(message)

    def state_of(self, message: IncomingMessage) -> State:
        """Return the current state for a message, to pass to `decide`.

        Call it before your transaction writes: uncommitted results that it reads would outlive a rollback.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self._recorder.state_of(message)

    def context(self, *, at: datetime | None = None) -> Context:
        """Return the context of a decision recorded at that time, with the settings in force.

        Settings that differ from the last recorded ones are recorded first, so that a replay can decide with them.
        """
        return self._recorder.context(None if at is None else moment("at", at))

    def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return the events and the result of a message; writes nothing and does not change `state`.

        For hosts with their own transaction, event store or bus. The first record is the receipt; a store that
        holds it already has received the message before.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        check("state", state, State, "a State, which state_of(message) returns")
        check("context", context, Context, "a Context, which context(at=...) returns")
        recorded_at = moment("context.recorded_at", context.recorded_at)
        return self._intake.decide(message, state, changed(context, recorded_at=recorded_at))

    def put_in_force(
        self,
        policy: Policy | str,
        *,
        scope: str = EVERY_SYMBOL,
        by: str,
        why: str,
        at: datetime | None = None,
    ) -> PolicyInForce:
        """Register a policy if its name is new, and put it in force for a scope: "*", or one symbol.

        It is a message like any other: it has a receipt, with who (`by`) and `why` in it, saved in one transaction with
        its events. REFUSED where the name is registered with other content, or the policy cannot be used: a formula
        that ExitBrain does not have, a parameter too few or too many, levels that are not finite or not above 0.
        IGNORED where it is in force for that scope already. The next decision uses it, whoever makes it; open plans
        keep their levels until their next message, and the answer counts them.

        A policy is one of the store by its name, or any other in full. Raises UnknownPolicy for a name that is not
        there, and InvalidValue for text that no store can hold.
        """
        check("policy", policy, (str, Policy), A_POLICY)
        for name, text in (("scope", scope), ("by", by), ("why", why)):
            check(name, text, str, "a text")
        if isinstance(policy, str):
            policy = self.ledger.register().named(policy).policy
        recorded_at = self._clock.now() if at is None else moment("at", at)
        message = activation_message(policy, scope=scope, by=by, why=why, at=recorded_at)
        return self._recorder.put_in_force(message, at=recorded_at)

    def close(self) -> None:
        """Close the store that `open` opened; a host closes its own ledger."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _decisions_of(ledger: ExitLedger) -> DecisionLog:
    return StoredDecisions(ledger) if isinstance(ledger, StoredLedger) else DecodedDecisions(ledger)


def _check_adapters(**adapters: object) -> None:
    for name, adapter in adapters.items():
        check_port(name, adapter, _ADAPTERS[name])
