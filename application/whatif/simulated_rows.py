"""Rows of the table of outcomes for positions of a file, walked under one policy without a record."""

from collections.abc import Iterator

from exitbrain.application.ports.market import MarketUnreadable, NoMarket
from exitbrain.application.simulation.positions import GivenPosition, Simulated, UnusablePosition
from exitbrain.application.whatif.plans import LeftOutBecause
from exitbrain.application.whatif.rows import BASELINE, LegRow, OutcomeRow, PositionFields, WalkFields
from exitbrain.application.whatif.table_walks import both_bounds, legs_of
from exitbrain.domain.evidence.sizes import ResultSizes, risk_of
from exitbrain.domain.names import quote_currency
from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.values import DECIMAL, ms_of, plain


def row_of_simulated(one: Simulated, candles: CandleSeries, *, include_off_market: bool) -> OutcomeRow:
    """Return the row of a position on its candles."""
    if one.setup is None or one.bounds is None:
        because, detail = LeftOutBecause.NOT_PLACEABLE, "no slice of its quantity can be placed"
        if one.levels.raw.refusal is not None:
            because, detail = LeftOutBecause.REFUSED, one.levels.raw.refusal
        fields = _position(one.position, _sizes(one.position, 0.0), None)
        return OutcomeRow(fields, BASELINE, False, because.value, detail, None)
    risk = risk_of(Plan(one.setup))
    sizes = _sizes(one.position, risk)
    at_risk = None if sizes.first_notional is None else risk * float(sizes.first_notional)
    fields = _position(one.position, sizes, at_risk)
    walk = _walk(one, one.setup, one.bounds, candles, sizes)
    if one.bounds.entry_off_market and not include_off_market:
        detail = f"outside the candle of its time: entry {plain(one.position.entry_price)}"
        return OutcomeRow(fields, BASELINE, False, LeftOutBecause.OFF_MARKET.value, detail, walk)
    return OutcomeRow(fields, BASELINE, True, None, None, walk)


def row_of_unusable(one: UnusablePosition) -> OutcomeRow:
    """Return the row of a position that could not be walked."""
    match one.error:
        case NoMarket():
            because = LeftOutBecause.NO_CANDLES
        case MarketUnreadable():
            because = LeftOutBecause.UNREADABLE
        case _:
            because = LeftOutBecause.UNFIT
    if one.position is None:
        fields = PositionFields(one.where, *(None,) * (len(PositionFields.__struct_fields__) - 1))
    else:
        fields = _position(one.position, _sizes(one.position, 0.0), None)
    return OutcomeRow(fields, BASELINE, False, because.value, one.left_out.reason, None)


def legs_of_simulated(one: Simulated) -> Iterator[LegRow]:
    """Yield the legs of a position, none if it was not walked."""
    if one.bounds is not None:
        yield from legs_of(one.position.where, BASELINE, one.bounds.pessimistic, one.bounds.optimistic)


def _walk(
    one: Simulated, setup: ExitSetup, bounds: ExitBounds, candles: CandleSeries, sizes: ResultSizes
) -> WalkFields:
    pessimistic, optimistic = both_bounds(setup, bounds, candles, sizes, sizes.risk)
    return WalkFields(
        ambiguous=bounds.ambiguous,
        holes=bounds.holes,
        failed_guards=one.failed_guards,
        entry_off_market=bounds.entry_off_market,
        went_on=False,
        added_after_exit=False,
        pessimistic=pessimistic,
        optimistic=optimistic,
        difference=None,
    )


def _sizes(position: GivenPosition, risk: float) -> ResultSizes:
    """Return the sizes of a position, which is never resized."""
    quantity, currency = position.quantity, quote_currency(position.symbol)
    first = None if quantity is None else DECIMAL.multiply(quantity, position.entry_price)
    return ResultSizes(currency, first, first, 1.0, risk)


def _position(position: GivenPosition, sizes: ResultSizes, at_risk: float | None) -> PositionFields:
    first = None if sizes.first_notional is None else float(sizes.first_notional)
    return PositionFields(
        position_id=position.where,
        symbol=position.symbol,
        account=None,
        side=position.side.value,
        opened_at_ms=ms_of(position.opened_at),
        leverage=position.leverage,
        quantity=None if position.quantity is None else float(position.quantity),
        quote_currency=sizes.currency or None,
        entry_price=float(position.entry_price),
        closed_at_ms=None,
        close_reason=None,
        ended_by=None,
        close_price=None,
        first_notional=first,
        committed=first,
        at_risk=at_risk,
    )
