"""The facade: ExitBrain as a library, on a store of its own or on a host's adapters."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Self, TypeVar, Unpack
from uuid import uuid4

from exitbrain import __version__
from exitbrain.application.context_audit import ContextAudit
from exitbrain.application.counterfactual import Counterfactual
from exitbrain.application.decided import Context, Decided, State
from exitbrain.application.explain import Explanation, explain
from exitbrain.application.intake import Intake
from exitbrain.application.intake_replay import IntakeReplay
from exitbrain.application.lsf_audit import LsfAudit, LsfChange
from exitbrain.application.opening import begin_or_check
from exitbrain.application.outcome import Outcome, PolicyInForce
from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.decision_log import DecisionLog
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording import Recorder
from exitbrain.application.replay import EVERYTHING, DecisionReplay, ReplayReport, Selection
from exitbrain.domain.configuration import DecisionSettings
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.formulas.variant import variant_of
from exitbrain.domain.guards import Freshness
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.names import check_name
from exitbrain.domain.policy import Policy
from exitbrain.domain.policy_register import EVERY_SYMBOL
from exitbrain.domain.values import changed
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.counterfactual_lane import Asking
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.joined import JoinedLedger
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.event_store.startup import check_ledger
from exitbrain.infrastructure.library.arguments import (
    A_MESSAGE,
    check,
    check_function,
    check_port,
    messages_in,
)
from exitbrain.infrastructure.library.given import GivenInputs, checked, level_inputs, moment
from exitbrain.infrastructure.library.open_settings import OpenSettings
from exitbrain.infrastructure.wire.activation import WithActivations, activation_message
from exitbrain.infrastructure.wire.translator import WireTranslator

T = TypeVar("T")

A_POLICY = "the name of a policy, or a Policy"
A_SELECTION = 'a Selection, such as Selection(symbol="ETHUSDT")'

_ADAPTERS: dict[str, type] = {
    "decisions": DecisionLog,
    "engine": LevelEngine,
    "instruments": Instruments,
    "clock": Clock,
    "translator": Translator,
}


class ExitBrain:
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
        self.ledger = ledger
        self._decisions = _decisions_of(ledger) if decisions is None else decisions
        self._engine = BuiltInFormulas() if engine is None else engine
        self._instruments = NoInstruments() if instruments is None else instruments
        self._clock = SystemClock() if clock is None else clock
        self._settings = DecisionSettings() if settings is None else settings
        check_name("account", self._settings.account)
        given = WireTranslator() if translator is None else translator
        adapters = {
            "decisions": self._decisions,
            "engine": self._engine,
            "instruments": self._instruments,
            "clock": self._clock,
            "translator": given,
        }
        for name, adapter in adapters.items():
            check_port(name, adapter, _ADAPTERS[name])
        self._translator = given if isinstance(given, WireTranslator) else WithActivations(given)
        self._intake = Intake(self._engine, self._translator)
        self._store = ExitStack()
        self._mirror_folder: Path | None = None
        apart = ledger.apart() if isinstance(ledger, JoinedLedger) else ledger
        check_ledger(apart)
        begin_or_check(apart, self._clock, __version__, new_id=uuid4(), policy=policy)
        self._recorder = Recorder(
            apart, self._intake, self._instruments, self._clock, self._settings, build=__version__
        )

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
        allowed, and StoreUnavailable for a store that can not be opened. Close it, or use it as a context manager.
        """
        # The wiring costs a third of a second to import, which a host with its own adapters need not pay.
        from exitbrain.infrastructure.container import opened  # noqa: PLC0415
        from exitbrain.infrastructure.settings import Settings, SettingsError, load_settings  # noqa: PLC0415

        if unknown := sorted(settings.keys() - Settings.model_fields.keys()):
            raise SettingsError(
                f"setting {unknown[0]} is not known; known: {', '.join(Settings.model_fields)}"
            )
        adapters: dict[str, object] = {"engine": engine, "translator": translator, "clock": clock}
        if not isinstance(settings.get("instruments"), str | Path | NoneType):
            adapters["instruments"] = settings.pop("instruments")
        for name, adapter in adapters.items():
            if adapter is not None:
                check_port(name, adapter, _ADAPTERS[name])
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
            brain._mirror_folder = loaded.mirror_folder
            brain._store = stack.pop_all()
        return brain

    def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> Outcome:
        """Record one message and return what became of it.

        One received before is not decided again: it has its original outcome, with the decision and levels of then,
        marked as a duplicate; that holds after a restart too.
        `at` is the time of recording (None: the clock's), aware, kept in UTC; a naive one raises InvalidValue.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self.handle_batch([message], at=at)[0]

    def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[Outcome]:
        """Record messages in their order, as one transaction where nobody interferes; see `handle`."""
        return self._recorder.handle_batch(messages_in(messages), at=None if at is None else moment("at", at))

    def outcome_of(self, message: IncomingMessage) -> Outcome | None:
        """Return the original outcome of a message received before, marked as a duplicate; None of any other.

        For hosts that append what `decide` returns and meet AlreadyReceived.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self._recorder.outcome_of(message)

    def state_of(self, message: IncomingMessage) -> State:
        """Return the state that a message meets now, for `decide`.

        Ask before your transaction writes: what it reads of uncommitted results would outlive a rollback.
        """
        check("message", message, IncomingMessage, A_MESSAGE)
        return self._recorder.state_of(message)

    def context(self, *, at: datetime | None = None) -> Context:
        """Return the context of a decision made at that time of recording, with the settings in force.

        Settings that differ from those kept last are kept first, so that a replay can decide with them.
        """
        return self._recorder.context(None if at is None else moment("at", at))

    def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return the events and the outcome a message leads to; nothing is written, `state` stays as it is.

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
        """Register a policy where its name is new, and put it in force for a scope: "*", or one symbol.

        It is a message like any other: it has a receipt, with who (`by`) and `why` in it, saved in one transaction with
        its events. REFUSED where the name is registered with other content, or the policy can not be used: a formula
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

    def levels(
        self,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
        **given: Unpack[GivenInputs],
    ) -> Explanation:
        """Return the levels for inputs given as keywords, which `GivenInputs` lists; records nothing.

        The policy is the named one, or the one in force for the symbol; the instrument is that of the symbol. The
        message behind the inputs counts as just arrived where `freshness` does not say otherwise. An engine that
        was brought computes without a derivation. Raises InvalidValue, UnknownPolicy and EngineFailed.
        """
        chosen, instrument = self._policy(policy, symbol), self._instrument(symbol)
        inputs = level_inputs(chosen, instrument, self._settings, **given)
        return explain(self._engine, chosen, inputs, instrument, self._freshness(freshness))

    def levels_for(
        self,
        inputs: LevelInputs,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
    ) -> Explanation:
        """Return the levels for complete inputs, say those of a recorded decision; see `levels`."""
        check("inputs", inputs, LevelInputs, "LevelInputs; levels(...) takes single inputs as keywords")
        chosen = self._policy(policy, symbol)
        instrument, age = self._instrument(symbol), self._freshness(freshness)
        return explain(self._engine, chosen, checked(inputs), instrument, age)

    def replay(
        self, selection: Selection = EVERYTHING, *, from_receipts: bool = False, context: bool = False
    ) -> ReplayReport:
        """Replay the selected decisions; or the intake from raw messages; or audit the recorded context.

        The latter two need the whole log, so they take no selection.
        """
        check("selection", selection, Selection, A_SELECTION)
        if not from_receipts and not context:
            return DecisionReplay(
                Policies(self.ledger), Snapshots(self.ledger), self._decisions, self._engine
            ).run(_aware(selection))
        if selection != EVERYTHING:
            raise InvalidValue("selection", selection, "none, since this replay needs the whole log")
        if from_receipts and context:
            raise InvalidValue("replay", "from_receipts and context", "one of them at a time")
        if from_receipts:
            return IntakeReplay(self.ledger, self._intake, MAPPER.to_stored_event).run()
        return ContextAudit(self.ledger, self._translator).run()

    def whatif(
        self,
        policy: str | Policy,
        *variants: Mapping[str, float],
        selection: Selection = EVERYTHING,
    ) -> Counterfactual:
        """Return what a policy would have said on the recorded decisions, or each of its variants; records nothing.

        A policy is the name of one in the store, or any other. A variant names the parameters that are to be others;
        the answers come in the order of the variants. Many are best asked in one call. Raises InvalidValue for a
        parameter that the policy has not or that gives no finite level above 0, UnknownPolicy, and EngineFailed.
        """
        check("policy", policy, (str, Policy), A_POLICY)
        for changes in variants:
            check("variant", changes, Mapping, "a mapping from names of parameters to numbers")
        base = self.ledger.register().named(policy).policy if isinstance(policy, str) else policy
        policies = [variant_of(base, changes) for changes in variants or ({},)]
        asking = Asking(
            self.ledger,
            Policies(self.ledger),
            Snapshots(self.ledger),
            self._decisions,
            self._engine,
            self._mirror_folder,
        )
        return asking.run(policies, _aware(selection)).counterfactual

    def lsf_changes(self, selection: Selection = EVERYTHING, *, closes: bool = False) -> Iterator[LsfChange]:
        """Yield every change of the adjusted LSF in log order, attributed exactly.

        With `closes` each change holds the closes behind the average PnL before and after.
        """
        return LsfAudit(self.ledger, self._engine).changes(_aware(selection), closes=closes)

    def close(self) -> None:
        """Close the store that `open` opened; a host closes its own ledger."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _policy(self, name: str | None, symbol: str) -> Policy:
        check("policy", name, (str, NoneType), "the name of a policy")
        check("symbol", symbol, str, "the name of a symbol")
        if symbol:
            check_name("symbol", symbol)
        register = self.ledger.register()
        return (register.in_force(symbol) if name is None else register.named(name)).policy

    def _instrument(self, symbol: str) -> Instrument | None:
        return self._instruments.instrument(symbol) if symbol else None

    def _freshness(self, given: Freshness | None) -> Freshness:
        check("freshness", given, (Freshness, NoneType), "a Freshness")
        return Freshness(0.0, self._settings.max_intent_age_s) if given is None else given


class AsyncExitBrain:
    """The awaitable twin of `ExitBrain`: the same work on one thread of its own, so the event loop never blocks.

    Built with a function that builds the `ExitBrain`, and its adapters, on that thread; entered with `async with`.
    Cancelling what awaits does not undo what was begun.
    """

    def __init__(self, build: Callable[[], ExitBrain]) -> None:
        takes_urls = "AsyncExitBrain.open(...) takes the URL of a store"
        check_function("build", build, f"a function that builds the ExitBrain; {takes_urls}")
        self._build = build
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="exitbrain")
        self._brain: ExitBrain | None = None

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
        """Return a twin that opens its store on entering; see `ExitBrain.open`."""
        return cls(
            partial(
                ExitBrain.open,
                store,
                env_file=env_file,
                engine=engine,
                translator=translator,
                clock=clock,
                **settings,
            )
        )

    async def __aenter__(self) -> Self:
        try:
            brain = await self._on_thread(self._build)
            check("what build() returned", brain, ExitBrain, "an ExitBrain")
            self._brain = brain
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.run(ExitBrain.close)
        finally:
            self._brain = None
            self._thread.shutdown()

    async def run(self, work: Callable[[ExitBrain], T]) -> T:
        """Do any work with the `ExitBrain` on its thread, such as reading its ledger."""
        check_function("work", work, "a function that takes the ExitBrain")
        return await self._on_thread(partial(work, self._entered))

    async def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> Outcome:
        """Record one message; see `ExitBrain.handle`."""
        return await self.run(lambda brain: brain.handle(message, at=at))

    async def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[Outcome]:
        """Record messages in their order; see `ExitBrain.handle_batch`."""
        return await self.run(lambda brain: brain.handle_batch(messages, at=at))

    async def outcome_of(self, message: IncomingMessage) -> Outcome | None:
        """Return the original outcome of a message received before; see `ExitBrain.outcome_of`."""
        return await self.run(lambda brain: brain.outcome_of(message))

    async def state_of(self, message: IncomingMessage) -> State:
        """Return the state a message meets; see `ExitBrain.state_of`."""
        return await self.run(lambda brain: brain.state_of(message))

    async def context(self, *, at: datetime | None = None) -> Context:
        """Return the context of a decision; see `ExitBrain.context`."""
        return await self.run(lambda brain: brain.context(at=at))

    async def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return what a message leads to; see `ExitBrain.decide`."""
        return await self.run(lambda brain: brain.decide(message, state, context))

    async def put_in_force(
        self,
        policy: Policy | str,
        *,
        scope: str = EVERY_SYMBOL,
        by: str,
        why: str,
        at: datetime | None = None,
    ) -> PolicyInForce:
        """Put a policy in force; see `ExitBrain.put_in_force`."""
        return await self.run(lambda brain: brain.put_in_force(policy, scope=scope, by=by, why=why, at=at))

    async def levels(
        self,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
        **given: Unpack[GivenInputs],
    ) -> Explanation:
        """Return the levels for inputs given as keywords; see `ExitBrain.levels`."""
        return await self.run(
            lambda brain: brain.levels(policy=policy, symbol=symbol, freshness=freshness, **given)
        )

    async def levels_for(
        self,
        inputs: LevelInputs,
        *,
        policy: str | None = None,
        symbol: str = "",
        freshness: Freshness | None = None,
    ) -> Explanation:
        """Return the levels for complete inputs; see `ExitBrain.levels_for`."""
        return await self.run(
            lambda brain: brain.levels_for(inputs, policy=policy, symbol=symbol, freshness=freshness)
        )

    async def replay(
        self, selection: Selection = EVERYTHING, *, from_receipts: bool = False, context: bool = False
    ) -> ReplayReport:
        """Replay; see `ExitBrain.replay`."""
        return await self.run(
            lambda brain: brain.replay(selection, from_receipts=from_receipts, context=context)
        )

    async def whatif(
        self,
        policy: str | Policy,
        *variants: Mapping[str, float],
        selection: Selection = EVERYTHING,
    ) -> Counterfactual:
        """Return what a policy or its variants would have said; see `ExitBrain.whatif`."""
        return await self.run(lambda brain: brain.whatif(policy, *variants, selection=selection))

    async def lsf_changes(
        self, selection: Selection = EVERYTHING, *, closes: bool = False
    ) -> list[LsfChange]:
        """Return every change of the adjusted LSF; see `ExitBrain.lsf_changes`."""
        return await self.run(lambda brain: list(brain.lsf_changes(selection, closes=closes)))

    @property
    def _entered(self) -> ExitBrain:
        if self._brain is None:
            raise RuntimeError("enter the AsyncExitBrain with `async with` before using it")
        return self._brain

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _decisions_of(ledger: ExitLedger) -> DecisionLog:
    return StoredDecisions(ledger) if isinstance(ledger, StoredLedger) else DecodedDecisions(ledger)


def _aware(selection: Selection) -> Selection:
    """Return a selection whose times can be compared; raises InvalidValue for a naive one."""
    check("selection", selection, Selection, A_SELECTION)
    if selection.since is None and selection.until is None:
        return selection
    return changed(
        selection,
        since=None if selection.since is None else moment("since", selection.since),
        until=None if selection.until is None else moment("until", selection.until),
    )
