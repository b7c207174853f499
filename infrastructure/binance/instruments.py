"""BinanceInstruments: trading rules, brackets, fees and mark prices of the venue, each with its age.

A decision never waits for the venue: it gets the last fetched value, however old, or None.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from exitbrain.application.live.supervisor import Journal
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.infrastructure.binance.access import BinanceAccess
from exitbrain.infrastructure.binance.errors import CallRefused, RateLimited, VenueError
from exitbrain.infrastructure.binance.futures import BinanceFutures
from exitbrain.infrastructure.binance.payloads import (
    MarkPrice,
    brackets_of,
    commission_of,
    mark_prices_of,
    rules_of,
)
from exitbrain.infrastructure.instruments.combined import merged

WAIT_S = 1.0
"""How long `refresh` waits for the venue."""

RETRY_S = 5.0
"""Pause after a first failure; it doubles up to the interval of what failed."""

COMMISSIONS_PER_ROUND = 10
"""Each weighs 20 of the 2,400 a minute."""

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often each thing is fetched, in seconds."""

    rules_s: float = 300.0
    mark_price_s: float = 15.0
    brackets_s: float = 300.0
    commission_s: float = 3_600.0


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """How one source is doing: the age of its last answer (None: there was none), and its troubles since."""

    age_s: float | None
    symbols: int
    unreadable: int
    failures: int
    error: str


@dataclass(frozen=True, slots=True)
class InstrumentFacts:
    """How the knowledge of instruments stands, for metrics and check-ups.

    `silent_s` is for how long the venue is not asked at all, because it said so.
    """

    sources: dict[str, SourceFacts]
    signs: bool
    used_weight: int
    silent_s: float


@dataclass(slots=True)
class _Source:
    every_s: float
    due_at: float = _NEVER
    answered_at: float | None = None
    failures: int = 0
    error: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, tuple[Instrument, float]] = field(default_factory=dict)


class BinanceInstruments:
    """Know what the venue says, as long as somebody calls `refresh` about every second.

    Knowledge is never taken back: a symbol that an answer leaves out, as a delisted one, keeps its last content and
    ages. An `Instrument` holds no time, so that the same knowledge is one snapshot; an answer that repeats it leaves
    the object as it is. `instrument`, `mark_price`, `age_s` and `facts` may be called from any thread.
    """

    def __init__(
        self,
        futures: BinanceFutures,
        journal: Journal | None = None,
        *,
        intervals: Intervals | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        every = Intervals() if intervals is None else intervals
        self._futures = futures
        self._journal = journal
        self._now = now
        self._sources = {
            "rules": _Source(every.rules_s),
            "mark_price": _Source(every.mark_price_s),
            "brackets": _Source(every.brackets_s),
            "commission": _Source(every.commission_s),
        }
        self._instruments: dict[str, Instrument] = {}
        self._mark_prices: dict[str, MarkPrice] = {}
        self._commission_due: dict[str, float] = {}
        self._silent_until = _NEVER
        self._round: asyncio.Task[None] | None = None

    def instrument(self, symbol: str) -> Instrument | None:
        """Return what was fetched of a symbol, None when nothing was; from then on its commission is fetched too."""
        found = self._instruments.get(symbol)
        if found is not None:
            self._commission_due.setdefault(symbol, _NEVER)
        return found

    def mark_price(self, symbol: str) -> MarkPrice | None:
        """Return the mark price that was fetched last."""
        return self._mark_prices.get(symbol)

    def age_s(self, symbol: str) -> float | None:
        """Return the age of the oldest part of what `instrument` says of a symbol, None when it says nothing."""
        now = self._now()
        return max((now - at for _, at in self._parts(symbol)), default=None)

    def facts(self) -> InstrumentFacts:
        """Return how the knowledge stands."""
        now = self._now()
        sources = {
            name: SourceFacts(
                None if source.answered_at is None else now - source.answered_at,
                len(self._mark_prices if name == "mark_price" else source.known),
                len(source.unreadable),
                source.failures,
                source.error,
            )
            for name, source in self._sources.items()
        }
        silent_s = max(0.0, self._silent_until - now)
        return InstrumentFacts(sources, self._futures.access.signs, self._futures.used_weight, silent_s)

    async def refresh(self) -> None:
        """Fetch what is due, and wait for it a second at most; troubles of the venue are noted, never raised.

        What takes longer goes on, and the next call looks at it: neither a slow venue nor a silent one makes whoever
        calls this look as if it stood still.
        """
        if self._round is None:
            self._round = asyncio.create_task(self.fetch(), name="binance-instruments")
        done, _ = await asyncio.wait({self._round}, timeout=WAIT_S)
        if done:
            finished, self._round = self._round, None
            finished.result()

    async def fetch(self) -> None:
        """Fetch what is due, however long it takes: the client's timeout for each of some fifteen calls at most."""
        await self._attempt("rules", self._read_rules)
        await self._attempt("mark_price", self._read_mark_prices)
        if self._futures.access.signs:
            await self._attempt("brackets", self._read_brackets)
            if self._commissions_due():
                await self._attempt("commission", self._read_commissions)

    async def close(self) -> None:
        """Give up what is being fetched and close the connections."""
        running, self._round = self._round, None
        if running is not None:
            running.cancel()
            await asyncio.wait({running})
        await self._futures.close()

    async def _attempt(self, name: str, read: Callable[[], Awaitable[Mapping[str, str]]]) -> None:
        source = self._sources[name]
        if self._now() < max(source.due_at, self._silent_until):
            return
        try:
            unreadable = await read()
        except VenueError as error:
            self._note_failure(name, error)
        else:
            self._note_answer(name, unreadable)

    async def _read_rules(self) -> Mapping[str, str]:
        # Some hundred symbols take long enough to read that the event loop would be late for everything else.
        answer = await asyncio.to_thread(rules_of, await self._futures.exchange_info())
        self._keep("rules", answer.of)
        return answer.unreadable

    async def _read_mark_prices(self) -> Mapping[str, str]:
        answer = await asyncio.to_thread(mark_prices_of, await self._futures.premium_index())
        self._mark_prices.update(answer.of)
        return answer.unreadable

    async def _read_brackets(self) -> Mapping[str, str]:
        answer = await asyncio.to_thread(brackets_of, await self._futures.leverage_brackets())
        self._keep("brackets", answer.of)
        return answer.unreadable

    async def _read_commissions(self) -> Mapping[str, str]:
        source = self._sources["commission"]
        unreadable = dict(source.unreadable)
        for symbol in self._commissions_due()[:COMMISSIONS_PER_ROUND]:
            unreadable.pop(symbol, None)
            try:
                answer = commission_of(await self._futures.commission_rate(symbol))
            except CallRefused as error:
                unreadable[symbol] = str(error)
            else:
                self._keep("commission", answer.of)
                unreadable |= answer.unreadable
            self._commission_due[symbol] = self._now() + source.every_s
        return unreadable

    def _commissions_due(self) -> list[str]:
        return [symbol for symbol, at in list(self._commission_due.items()) if at <= self._now()]

    def _keep(self, name: str, found: Mapping[str, Instrument]) -> None:
        known, now = self._sources[name].known, self._now()
        for symbol, part in found.items():
            before, _ = known.get(symbol, (None, now))
            if part == before:
                known[symbol] = (before, now)
            else:
                known[symbol] = (part, now)
                self._instruments[symbol] = merged(*(each for each, _ in self._parts(symbol)))

    def _parts(self, symbol: str) -> list[tuple[Instrument, float]]:
        return [known for source in self._sources.values() if (known := source.known.get(symbol))]

    def _note_failure(self, name: str, error: VenueError) -> None:
        source, now = self._sources[name], self._now()
        source.due_at = now + min(RETRY_S * 2.0 ** min(source.failures, 10), source.every_s)
        source.failures += 1
        source.error = str(error)
        if isinstance(error, RateLimited):
            self._silent_until = now + error.retry_after_s
        age_s = None if source.answered_at is None else now - source.answered_at
        if self._journal is not None:
            self._journal.trouble(
                "instruments_not_fetched",
                what=name,
                error=source.error,
                failures=source.failures,
                age_s=age_s,
            )

    def _note_answer(self, name: str, unreadable: Mapping[str, str]) -> None:
        source, now = self._sources[name], self._now()
        if self._journal is not None and (source.answered_at is None or source.error):
            self._journal.event("instruments_fetched", what=name, after_failures=source.failures)
        if self._journal is not None and unreadable and unreadable != source.unreadable:
            self._journal.trouble("instruments_unreadable", what=name, symbols=dict(unreadable))
        # Who asks for a commission shall not wait an hour for it: those have their own times, symbol by symbol.
        source.due_at = _NEVER if name == "commission" else now + source.every_s
        source.answered_at, source.failures, source.error = now, 0, ""
        source.unreadable = unreadable


async def look(access: BinanceAccess) -> InstrumentFacts:
    """Ask the venue once and return what became of it."""
    instruments = BinanceInstruments(BinanceFutures(access))
    try:
        await instruments.fetch()
        return instruments.facts()
    finally:
        await instruments.close()
