"""The awaitable facade: the same calls, on its own thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar, Unpack

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.queries.explain import Explanation
from exitbrain.application.queries.lsf_history import LsfChange
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.replay.decisions import EVERYTHING, ReplayReport, Selection
from exitbrain.application.whatif.decisions import Counterfactual
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.result import MessageResult, PolicyInForce
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.infrastructure.library.arguments import check, check_function
from exitbrain.infrastructure.library.facade import ExitBrain
from exitbrain.infrastructure.library.given import GivenInputs
from exitbrain.infrastructure.library.open_settings import OpenSettings
from exitbrain.infrastructure.library.outcome_options import OutcomeOptions
from exitbrain.infrastructure.library.outcomes import LabOutcomes

T = TypeVar("T")


class AsyncExitBrain:
    """The awaitable twin of `ExitBrain`: the same work on its own thread, so the event loop never blocks.

    Built with a function that builds the `ExitBrain`, and its adapters, on that thread; entered with `async with`.
    Cancelling the caller does not undo work that has begun.
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
        """Run a function of the `ExitBrain` on its thread, such as one that reads its ledger."""
        check_function("work", work, "a function that takes the ExitBrain")
        return await self._on_thread(partial(work, self._entered))

    async def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> MessageResult:
        """Record one message; see `ExitBrain.handle`."""
        return await self.run(lambda brain: brain.handle(message, at=at))

    async def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[MessageResult]:
        """Record messages in order; see `ExitBrain.handle_batch`."""
        return await self.run(lambda brain: brain.handle_batch(messages, at=at))

    async def outcome_of(self, message: IncomingMessage) -> MessageResult | None:
        """Return the original result of a message received before; see `ExitBrain.outcome_of`."""
        return await self.run(lambda brain: brain.outcome_of(message))

    async def state_of(self, message: IncomingMessage) -> State:
        """Return the state before a message; see `ExitBrain.state_of`."""
        return await self.run(lambda brain: brain.state_of(message))

    async def context(self, *, at: datetime | None = None) -> Context:
        """Return the context of a decision; see `ExitBrain.context`."""
        return await self.run(lambda brain: brain.context(at=at))

    async def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return the events and the result of a message; see `ExitBrain.decide`."""
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

    async def outcomes(
        self,
        policy: str | Policy,
        *variants: Mapping[str, float],
        candles: str | Path,
        baseline: str | Policy | None = None,
        selection: Selection = EVERYTHING,
        **options: Unpack[OutcomeOptions],
    ) -> LabOutcomes:
        """Walk the recorded positions on candles and judge policies; see `ExitBrain.outcomes`."""
        return await self.run(
            lambda brain: brain.outcomes(
                policy, *variants, candles=candles, baseline=baseline, selection=selection, **options
            )
        )

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
