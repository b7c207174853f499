"""Simulation: positions with the levels of a policy, walked through market data."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from msgspec import Struct

from exitbrain.application.engine_answer import candidate_levels
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import MarketData, MarketUnreadable, Omitted
from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LEVELS, LevelInputs, Slice
from exitbrain.domain.levels.liquidation import liquidation_in_floats
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import MINUTE_MS, CandleSeries, Market, PriceKind
from exitbrain.domain.simulation.exit_setup import (
    Costs,
    ExitSetup,
    LiquidationPrices,
    Rules,
    TpExecution,
    Trailing,
)
from exitbrain.domain.simulation.fit import check_fit
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.simulation.tick import Tick
from exitbrain.domain.values import DECIMAL, EPOCH, Assumption, Side, changed, ms_of, round_trip_cost

_FRESH = Freshness(0.0, 0.0)
"""A position that already exists needs no fresh signal."""

_FEE_BPS, _SLIPPAGE_BPS = 5.0, 0.0


class GivenPosition(Struct, frozen=True):
    """A position to walk; fields are None if the source lacks them. `where` names the source in errors.

    `written` is the symbol as the source spells it, if different from ours: market data may use that name.
    """

    symbol: str
    side: Side
    entry_price: Decimal
    opened_at: datetime
    leverage: float | None = None
    volatility: float | None = None
    funding: float | None = None
    divergence: float | None = None
    confidence: float | None = None
    quantity: Decimal | None = None
    where: str = "position"
    written: str = ""

    @property
    def market_symbol(self) -> str:
        """Return the symbol used to look up market data."""
        return self.written or self.symbol


class UnusablePosition(Struct, frozen=True):
    """A position that cannot be walked, with the error; `where` names its source.

    `position` is None if the source holds none.
    """

    where: str
    error: InvalidValue | MarketUnreadable
    position: GivenPosition | None = None

    @property
    def left_out(self) -> Omitted:
        """Return the position and the reason as text."""
        return Omitted(self.where, str(self.error).removeprefix(self.where).removeprefix(":").lstrip())


class BreakEven(Struct, frozen=True):
    """The first target moves the stop; `offset` is a fraction of the entry, None the round-trip cost."""

    offset: float | None = None


class Terms(Struct, frozen=True):
    """The terms of all positions of a simulation; None means the default, or that a rule is off."""

    policy: Policy
    fee_bps: float | None = None
    slippage_bps: float | None = None
    maker_fee_bps: float | None = None
    break_even: BreakEven | None = None
    trailing: Trailing | None = None
    time_stop_ms: int | None = None
    rule_interval_ms: int | None = None
    tp_execution: TpExecution = TpExecution.MARKET
    working_type: PriceKind = PriceKind.CONTRACT


class Simulated(Struct, frozen=True):
    """A position with its judged levels and its walk.

    `setup` and `bounds` are None if the levels were refused or no slice can be placed.
    """

    position: GivenPosition
    levels: JudgedLevels
    setup: ExitSetup | None
    bounds: ExitBounds | None
    assumptions: tuple[Assumption, ...]

    @property
    def failed_guards(self) -> tuple[str, ...]:
        """Return the failed guards on the levels."""
        return self.levels.guards.failed_on_levels


class Simulation:
    """Walks positions independently, in batches of `at_once`."""

    def __init__(
        self,
        engine: LevelEngine,
        instruments: Instruments,
        market: MarketData,
        walks: Walks | None = None,
        at_once: int = 1,
    ) -> None:
        self._engine = engine
        self._instruments = instruments
        self._market = market
        self._walks = walks or RowWalks()
        self._at_once = at_once

    def run(
        self, positions: Iterable[GivenPosition], terms: Terms, left_out: list[UnusablePosition] | None = None
    ) -> Iterator[Simulated]:
        """Yield each walked position; add those that cannot be walked to `left_out`.

        Without that list, raises InvalidValue, or MarketUnreadable if the market is unknown.
        """
        waiting = iter(positions)
        while batch := list(islice(waiting, self._at_once)):
            yield from self._walked(list(self._each_prepared(batch, terms, left_out)))

    def _each_prepared(
        self, positions: Iterable[GivenPosition], terms: Terms, left_out: list[UnusablePosition] | None
    ) -> Iterator[Simulated]:
        for position in positions:
            try:
                yield self._prepared(position, terms)
            except (InvalidValue, MarketUnreadable) as error:
                if left_out is None:
                    raise
                left_out.append(UnusablePosition(position.where, error, position))

    def _walked(self, prepared: list[Simulated]) -> Iterator[Simulated]:
        by_symbol: dict[str, list[ExitSetup]] = {}
        for one in prepared:
            if one.setup is not None:
                by_symbol.setdefault(one.position.market_symbol, []).append(one.setup)
        walks = {
            symbol: iter(self._walks.walk_each(setups, self._market.market(symbol)))
            for symbol, setups in by_symbol.items()
        }
        for one in prepared:
            if one.setup is None:
                yield one
                continue
            walked = next(walks[one.position.market_symbol])
            market = self._market.market(one.position.market_symbol)
            assumed = _assumed_of_the_market(market, one.setup, walked)
            yield changed(one, bounds=walked, assumptions=(*one.assumptions, *assumed))

    def _prepared(self, position: GivenPosition, terms: Terms) -> Simulated:
        """Return a position checked and prepared for its walk."""
        try:
            return self._with_levels(position, terms)
        except InvalidValue as error:
            raise InvalidValue(f"{position.where}: {error.field}", error.value, error.allowed) from error

    def _with_levels(self, position: GivenPosition, terms: Terms) -> Simulated:
        market = self._market.market(position.market_symbol)
        opened_at_ms = _opened_within(position, market.candles)
        instrument = self._instruments.instrument(position.symbol)
        inputs, assumptions = _inputs(position, terms, instrument)
        raw = candidate_levels(self._engine, terms.policy, inputs, instrument)
        levels = judge_levels(terms.policy.unit, inputs, raw, instrument, _FRESH)
        if raw.refusal is not None or not levels.guards.placeable:
            return Simulated(position, levels, None, None, tuple(assumptions))
        setup = setup_of(opened_at_ms, inputs, levels, terms, assumptions)
        setup = at_venue(setup, inputs, instrument, assumptions)
        check_fit(setup, market)
        return Simulated(position, levels, setup, None, tuple(assumptions))


def _opened_within(position: GivenPosition, candles: CandleSeries) -> int:
    at_ms = ms_of(position.opened_at)
    if not candles.opens_ms[0] <= at_ms < candles.end_ms:
        first, end = (EPOCH + timedelta(milliseconds=ms) for ms in (candles.opens_ms[0], candles.end_ms))
        raise InvalidValue(
            "opened_at",
            position.opened_at.isoformat(),
            f"from {first.isoformat()} to before {end.isoformat()}, where there are candles of {position.symbol}",
        )
    return at_ms


def _inputs(
    position: GivenPosition, terms: Terms, instrument: Instrument | None
) -> tuple[LevelInputs, list[Assumption]]:
    assumptions: list[Assumption] = []

    def given(field: str, value: float | None, default: float, why: str = "not given") -> float:
        if value is None:
            assumptions.append(Assumption(field, str(default), why))
            return default
        return value

    own_fee = None if instrument is None else instrument.taker_fee_bps
    fee_bps = terms.fee_bps if own_fee is None or terms.fee_bps is not None else own_fee
    parameters = terms.policy.parameters
    inputs = LevelInputs(
        side=position.side,
        leverage=given("leverage", position.leverage, 1.0),
        leverage_assumed=position.leverage is None,
        volatility=given("volatility", position.volatility, 1.0),
        funding=given("funding", position.funding, 0.0),
        divergence=given("divergence", position.divergence, 0.0),
        confidence=given("confidence", position.confidence, 0.8),
        average_pnl=given("average_pnl", None, 0.0, "no results of the account are read"),
        base_tp=parameters["base_tp"],
        base_sl=parameters["base_sl"],
        fee_bps=given("fee_bps", fee_bps, _FEE_BPS),
        slippage_bps=given("slippage_bps", terms.slippage_bps, _SLIPPAGE_BPS),
        entry_price=position.entry_price,
        quantity=position.quantity,
    )
    return inputs, assumptions


def setup_of(
    opened_at_ms: int, inputs: LevelInputs, levels: JudgedLevels, terms: Terms, assumptions: list[Assumption]
) -> ExitSetup:
    """Return the exit setup for judged levels with an entry price."""
    assert levels.triggers is not None
    assert inputs.entry_price is not None
    tp1, tp2, tp3, stop = (float(getattr(levels.triggers, level)) for level in LEVELS)
    return ExitSetup(
        side=inputs.side,
        entry=float(inputs.entry_price),
        opened_at_ms=opened_at_ms,
        targets=(tp1, tp2, tp3),
        stop=stop,
        shares=shares_of(inputs.quantity, levels),
        costs=_costs(inputs, terms, assumptions),
        rules=_rules(inputs, terms, assumptions),
        tp_execution=terms.tp_execution,
        stop_on=terms.working_type,
        targets_on=terms.working_type,
    )


def shares_of(quantity: Decimal | None, levels: JudgedLevels) -> tuple[float, float, float]:
    """Return the fractions that targets close: those of the rounded slices, or else the harvest."""
    if quantity is None or not levels.slices:
        return levels.raw.harvest
    closed: dict[str, Slice] = {part.level: part for part in levels.slices}

    def share(level: str) -> float:
        return float(DECIMAL.divide(closed[level].quantity, quantity)) if level in closed else 0.0

    return share("tp1"), share("tp2"), share("tp3")


def _costs(inputs: LevelInputs, terms: Terms, assumptions: list[Assumption]) -> Costs:
    maker = terms.maker_fee_bps
    if maker is None:
        maker = inputs.fee_bps
        if terms.tp_execution is TpExecution.LIMIT:
            assumptions.append(Assumption("maker_fee_bps", str(maker), "not given, so that of takers"))
    return Costs(inputs.fee_bps, inputs.slippage_bps, maker)


def _rules(inputs: LevelInputs, terms: Terms, assumptions: list[Assumption]) -> Rules:
    offset = None if terms.break_even is None else terms.break_even.offset
    if terms.break_even is not None and offset is None:
        offset = round_trip_cost(inputs.fee_bps, inputs.slippage_bps)
        assumptions.append(Assumption("break_even", str(offset), "not given, so the round-trip cost"))
    interval_ms = terms.rule_interval_ms
    watched = terms.trailing is not None or terms.time_stop_ms is not None
    if interval_ms is None:
        interval_ms = MINUTE_MS
        if watched:
            assumptions.append(Assumption("rule_interval", "1m", "not given"))
    return Rules(offset, terms.trailing, terms.time_stop_ms, interval_ms)


def at_venue(
    setup: ExitSetup, inputs: LevelInputs, instrument: Instrument | None, assumptions: list[Assumption]
) -> ExitSetup:
    """Return the setup with the liquidation prices and the tick of the instrument."""
    size = None if instrument is None else instrument.tick_size
    return changed(
        setup,
        liquidation=_liquidation_of(inputs, setup, instrument, assumptions),
        tick=None if size is None else Tick.of(size),
    )


def _liquidation_of(
    inputs: LevelInputs, setup: ExitSetup, instrument: Instrument | None, assumptions: list[Assumption]
) -> LiquidationPrices | None:
    """Return the liquidation prices; None, with an assumption that says why, if they cannot be computed."""
    missing = "leverage" if inputs.leverage_assumed else None
    if instrument is None or not instrument.brackets:
        missing = "brackets"
    if missing is not None or instrument is None:
        assumptions.append(Assumption("liquidation", "not walked", f"no {missing} given"))
        return None
    _, h2, h3 = setup.shares
    entry, d = setup.entry, setup.side.direction

    def price(still_open: float) -> float:
        size = None if inputs.quantity is None else float(inputs.quantity) * (still_open or 1.0)
        where = liquidation_in_floats(
            float(d), entry if size is not None else 1.0, size, inputs.leverage, instrument.brackets
        )
        return float(entry * (1 - d * where.distance))

    return LiquidationPrices(inputs.leverage, (price(1.0), price(h2 + h3), price(h3)))


def _assumed_of_the_market(market: Market, setup: ExitSetup, walked: ExitBounds) -> Iterator[Assumption]:
    if not market.funding:
        yield Assumption("funding_paid", "0.0", "no funding rates given")
    if walked.mark_assumed:
        yield Assumption("mark", "contract price", "no mark candle for every candle")
    if walked.entry_off_market is None:
        yield Assumption("entry_off_market", "false", "the candle of the entry is missing")
    for order in walked.wrong_kind:
        yield Assumption(
            f"{order}_on", market.candles.kind.value, f"candles of the {setup.stop_on.value} price not given"
        )
