"""A simulation: the report as JSON, the table for people."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import UNSET, Struct, UnsetType

from exitbrain.application.ports.market import Omitted
from exitbrain.application.simulation.positions import Simulated
from exitbrain.application.simulation.totals import BoundSums, Totals
from exitbrain.domain.levels.guard_rules import ON_THE_LEVELS
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.outcome import ExitLeg, History
from exitbrain.domain.values import Assumption, Unit, plain
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import entries, percent, refusal, unplaceable


class FourLevels(Struct):
    """A number for each level."""

    tp1: float
    tp2: float
    tp3: float
    sl: float


class WalkedLeg(Struct):
    """A part that closed: `fraction` of the original quantity; `at` in epoch milliseconds.

    `traded` is the first lower-timeframe price at or beyond the level, `overshoot` what the level was better than it, a
    fraction of the entry notional; both null where not measured.
    """

    level: str
    fraction: float
    price: float
    at: int
    refined: bool
    traded: float | None
    overshoot: float | None


class WalkedHistory(Struct):
    """One of the two histories that bound all possible ones; numbers are fractions of the entry notional.

    `net = gross - entry_fee - exit_fees - slippage - funding`; `return_on_margin` is net times leverage, null where
    the leverage was not given.
    """

    legs: list[WalkedLeg]
    gross: float
    net: float
    entry_fee: float
    exit_fees: float
    slippage: float
    funding: float
    return_on_margin: float | None
    holes: int


class SimulatedPosition(Struct):
    """A position through its levels: `levels` raw in the unit of the policy, `triggers` the prices walked with.

    Where the policy refused levels, `refusal` says why and what depends on levels is null. `not_walked` is `refused`, or
    `not_placeable` where no slice of the quantity can be placed; null for a position that is walked. `failed_guards` are
    the guards on its levels that failed. `first_candle` is in epoch milliseconds; `entry_off_market` is null where the candle of the entry is missing. `ambiguous`: more than
    one final history exists; `refined`: candles walked through lower-timeframe data, `unrefined` those whose lower-timeframe data
    did not add up to them. `uncertainty` is optimistic less pessimistic net.
    """

    symbol: str
    side: str
    entry_price: float
    opened_at: datetime
    first_candle: int | None
    entry_off_market: bool | None
    refusal: str | None
    not_walked: str | None
    failed_guards: list[str]
    levels: FourLevels | None
    triggers: FourLevels | None
    shares: list[float] | None
    pessimistic: WalkedHistory | None
    optimistic: WalkedHistory | None
    ambiguous: bool
    ambiguous_candles: int
    refined: int
    unrefined: int
    holes: int
    uncertainty: float | None
    wrong_kind: list[str]
    assumptions: tuple[Assumption, ...]


class SimulationTotals(Struct):
    """The totals of positions: `pessimistic` and `optimistic` are net results of what was exited.

    `open` are the rests still open at the end of the data, at the last close with exit cost, in no other number
    but `with_open`, which is everything; `without_holes` leaves out positions that crossed missing candles,
    `without_failed_guards` those of which a guard on the levels failed. `with_off_market` and `without_off_market` are
    the exits with and without the positions entered off market; `pessimistic` and `optimistic` are without, or with
    `--include-off-market` with them.

    `off_market` counts the entries off market, `off_market_unknown` those without a candle, `failed_guards` the counted
    positions of which a guard on the levels failed; `refused` and `not_placeable` were not walked.
    """

    positions: int
    pessimistic: float
    optimistic: float
    without_holes: BoundSums
    without_failed_guards: BoundSums
    with_off_market: BoundSums
    without_off_market: BoundSums
    open: BoundSums
    with_open: BoundSums
    ambiguous: int
    ambiguous_candles: int
    refined_candles: int
    unrefined_candles: int
    off_market: int
    off_market_unknown: int
    failed_guards: int
    refused: int
    not_placeable: int


class SimulateReport(Struct):
    """Positions of a file under one policy, with the bounds that market data allow.

    `left_out` names positions left out of the figures, and unusable lower-timeframe data; `remarks` says
    what was assumed of files, or passed over in them. With `--table` there is also the file of the table.
    """

    policy: str
    unit: Unit
    positions: list[SimulatedPosition]
    totals: SimulationTotals
    left_out: list[Omitted] = []
    remarks: list[str] = []
    table: str | UnsetType = UNSET


def simulate_report(policy: Policy, simulated: list[Simulated], totals: Totals) -> SimulateReport:
    """Return a simulation for `--json`."""
    return SimulateReport(
        policy.name,
        policy.unit,
        [_position(one) for one in simulated],
        SimulationTotals(
            totals.everything.positions,
            totals.exits.pessimistic,
            totals.exits.optimistic,
            totals.without_holes,
            totals.without_failed_guards,
            totals.with_off_market,
            totals.without_off_market,
            totals.open_rests,
            totals.everything,
            totals.ambiguous,
            totals.ambiguous_candles,
            totals.refined_candles,
            totals.unrefined_candles,
            len(totals.off_market),
            totals.off_market_unknown,
            len(totals.failed_guards),
            len(totals.refused),
            len(totals.not_placeable),
        ),
    )


def simulate_text(
    policy: Policy, simulated: list[Simulated], totals: Totals, *, include_off_market: bool
) -> Iterator[ShownTable | str]:
    """Yield a simulation as a table, the totals, and the notes needed to read them."""
    yield _table(policy, simulated)
    yield from _totals(totals, include_off_market=include_off_market)
    for one in totals.off_market:
        left_out = "counted anyway" if include_off_market else "left out of the totals"
        yield f"Off market, {left_out}: {_named(one)} lies outside the candle it was made in."
    for one in totals.refused:
        yield f"Refused, left out of the totals: {_named(one)}: {refusal(one.levels.raw)}."
    yield from _failing([one for one in simulated if one.bounds is not None])
    for one in totals.not_placeable:
        yield f"Not placeable, left out of the totals: {_named(one)}: {unplaceable(one.levels.guards)}."
    yield from _assumed(simulated)


def _position(one: Simulated) -> SimulatedPosition:
    bounds, setup, raw = one.bounds, one.setup, one.levels.raw
    leverage = one.position.leverage
    given = None if bounds is None else (bounds.pessimistic, bounds.optimistic)
    return SimulatedPosition(
        symbol=one.position.symbol,
        side=one.position.side.value,
        entry_price=float(one.position.entry_price),
        opened_at=one.position.opened_at,
        first_candle=None if bounds is None else bounds.first_candle_ms,
        entry_off_market=None if bounds is None else bounds.entry_off_market,
        refusal=raw.refusal,
        not_walked=None if bounds is not None else "refused" if raw.refusal else "not_placeable",
        failed_guards=list(one.failed_guards),
        levels=None if raw.refusal else FourLevels(raw.tp1, raw.tp2, raw.tp3, raw.sl),
        triggers=None if setup is None else FourLevels(*setup.targets, setup.stop),
        shares=None if setup is None else list(setup.shares),
        pessimistic=None if given is None else _history(given[0], leverage),
        optimistic=None if given is None else _history(given[1], leverage),
        ambiguous=bounds is not None and bounds.ambiguous,
        ambiguous_candles=0 if bounds is None else bounds.ambiguous_candles,
        refined=0 if bounds is None else bounds.refined_candles,
        unrefined=0 if bounds is None else bounds.unrefined_candles,
        holes=0 if bounds is None else bounds.holes,
        uncertainty=None if given is None else given[1].net - given[0].net,
        wrong_kind=[] if bounds is None else list(bounds.wrong_kind),
        assumptions=one.assumptions,
    )


def _history(history: History, leverage: float | None) -> WalkedHistory:
    return WalkedHistory(
        legs=[_leg(leg) for leg in history.legs],
        gross=history.gross,
        net=history.net,
        entry_fee=history.entry_fee,
        exit_fees=history.exit_fees,
        slippage=history.slippage,
        funding=history.funding,
        return_on_margin=None if leverage is None else history.net * leverage,
        holes=history.holes,
    )


def _leg(leg: ExitLeg) -> WalkedLeg:
    return WalkedLeg(
        leg.level.value, leg.fraction, leg.price, leg.at_ms, leg.refined, leg.traded, leg.overshoot
    )


def _table(policy: Policy, simulated: list[Simulated]) -> ShownTable:
    table = ShownTable(f"{len(simulated)} positions under {policy.name}")
    table.text("Symbol")
    table.text("Side", drop=3)
    table.number("Entry", drop=1)
    table.text("Opened (UTC)", drop=2)
    for bound in ("Pessimistic", "Optimistic"):
        table.prose(f"{bound} exits")
        table.number("Net")
    table.prose("Remarks", drop=4)
    for one in simulated:
        position = one.position
        cells = [position.symbol, position.side.value, plain(position.entry_price), _time(position.opened_at)]
        if one.bounds is None:
            table.row(*cells, "", "", "", "", "refused" if one.levels.raw.refusal else "not placeable")
            continue
        low, high = one.bounds.pessimistic, one.bounds.optimistic
        optimistic = (
            ("same", percent(high.net)) if not one.bounds.ambiguous else (_exits(high), percent(high.net))
        )
        table.row(*cells, _exits(low), percent(low.net), *optimistic, ", ".join(_remarks(one)))
    return table


def _exits(history: History) -> str:
    return " ".join(leg.level.value for leg in history.legs)


def _remarks(one: Simulated) -> Iterator[str]:
    bounds = one.bounds
    assert bounds is not None
    if bounds.entry_off_market:
        yield "off market"
    if bounds.holes:
        yield f"{bounds.holes} hole{'s' if bounds.holes > 1 else ''}"
    if bounds.refined_candles:
        yield f"{bounds.refined_candles} refined"
    if bounds.wrong_kind:
        yield f"wrong price kind for {' and '.join(bounds.wrong_kind)}"
    if one.failed_guards:
        yield "guard fails"


def _totals(totals: Totals, *, include_off_market: bool) -> Iterator[str]:
    yield "Totals (net, fractions of the entry notional of each position, added up)"
    lines = [("exits", _bounds(totals.exits)), ("without holes", _bounds(totals.without_holes))]
    if totals.failed_guards:
        lines.append(("without failed guards", _bounds(totals.without_failed_guards)))
    if totals.off_market and include_off_market:
        lines.append(("without off-market entries", _bounds(totals.without_off_market)))
    elif totals.off_market:
        lines.append(("with off-market entries", _bounds(totals.with_off_market)))
    lines.append(("still open", f"{_bounds(totals.open_rests)}, at the last close, no exits"))
    lines.append(("all together", _bounds(totals.everything)))
    width = max(len(what) for what, _ in lines)
    yield from (f"  {what.ljust(width)}  {bounds}" for what, bounds in lines)
    yield (
        f"{totals.ambiguous} of {totals.everything.positions} positions are ambiguous ({totals.ambiguous_candles} candles), "
        f"{totals.refined_candles} candles were refined; "
        f"{percent(totals.everything.optimistic - totals.everything.pessimistic)} depends on the rest."
    )
    if totals.off_market_unknown:
        yield f"Whether {entries(totals.off_market_unknown)} off market is not known: the candle is missing."
    if totals.unrefined_candles:
        yield f"{totals.unrefined_candles} candles were not refined: their lower-timeframe data are incomplete or inconsistent."


def _bounds(bounds: BoundSums) -> str:
    noun = "position" if bounds.positions == 1 else "positions"
    return f"{percent(bounds.pessimistic)} to {percent(bounds.optimistic)} of {bounds.positions} {noun}"


def _failing(walked: list[Simulated]) -> Iterator[str]:
    for guard in ON_THE_LEVELS:
        failing = [one for one in walked if guard in one.failed_guards]
        if failing:
            names = "all" if len(failing) == len(walked) else "; ".join(map(_named, failing))
            yield f"{guard} fails, simulated anyway: {names}."


def _named(one: Simulated) -> str:
    position = one.position
    entry = plain(position.entry_price)
    return f"{position.symbol} {position.side} at {entry}, {_time(position.opened_at)} ({position.where})"


def _assumed(simulated: list[Simulated]) -> Iterator[str]:
    counts: dict[Assumption, int] = {}
    for one in simulated:
        for each in one.assumptions:
            counts[each] = counts.get(each, 0) + 1
    if counts:
        yield "Assumed"
    for each, count in counts.items():
        yield f"  {each.field} {each.value}: {each.why} ({'all' if count == len(simulated) else count})"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
