"""Rows of the table of outcomes with numbers from a seeded generator, and odd ones among them."""

from collections.abc import Iterator
from random import Random

from exitbrain.application.whatif.rows import (
    AS_TRADED,
    BASELINE,
    BoundFields,
    DifferenceFields,
    LegRow,
    OutcomeRow,
    PolicyRow,
    PositionFields,
    TableLabel,
    UnitAmounts,
    WalkFields,
)
from exitbrain.domain.evidence.interval import Interval

LABEL = TableLabel("committed", "as recorded", "ab12")
NOON_MS = 1_767_268_800_000
"""2026-01-01 12:00 UTC."""

HOUR_MS = 3_600_000


def outcome_rows(positions: int, candidates: int = 2, seed: int = 1) -> Iterator[OutcomeRow]:
    """Yield rows of positions under as traded, baseline and candidates; each seventh position is left out.

    Every third has no known quantity, so only results of the unit `first`.
    """
    draw = Random(seed)
    for number in range(positions):
        known = number % 3 != 2
        position = a_position(draw, number, known=known)
        for policy in (AS_TRADED, BASELINE, *range(1, candidates + 1)):
            if number % 7 == 6:
                yield OutcomeRow(
                    position, policy, False, "no_candles", f"no candles of {position.symbol}", None
                )
            else:
                assert position.opened_at_ms is not None
                walk = a_walk(draw, position.opened_at_ms, known=known, compared=policy > BASELINE)
                yield OutcomeRow(position, policy, True, None, None, walk)


def a_position(draw: Random, number: int, *, known: bool) -> PositionFields:
    opened_at = NOON_MS + number * HOUR_MS + draw.randrange(HOUR_MS)
    price, quantity = draw.uniform(1.0, 90_000.0), draw.uniform(0.001, 3.0) if known else None
    notional = None if quantity is None else price * quantity
    return PositionFields(
        position_id=f"{number:08x}-0000-5000-8000-{draw.getrandbits(48):012x}",
        symbol=draw.choice(["BTCUSDT", "ETHUSDT", "=1+1USDT"]),
        account=draw.choice(["main", None]),
        side=draw.choice(["LONG", "SHORT"]),
        opened_at_ms=opened_at,
        leverage=draw.choice([5.0, 20.0, None]),
        quantity=quantity,
        quote_currency="USDT" if known else None,
        entry_price=price,
        closed_at_ms=opened_at + draw.randrange(HOUR_MS),
        close_reason=draw.choice(["", "stop_loss", 'say "out", now', "-1 target\nreached"]),
        ended_by=draw.choice(["exits", "trader", "venue", "unknown"]),
        close_price=price * draw.uniform(0.9, 1.1),
        first_notional=notional,
        committed=None if notional is None else notional * 1.5,
        at_risk=None if notional is None else notional * 0.01,
    )


def a_walk(draw: Random, opened_at: int, *, known: bool, compared: bool) -> WalkFields:
    pessimistic, ambiguous = a_bound(draw, opened_at, known=known), draw.random() < 0.5
    return WalkFields(
        ambiguous=ambiguous,
        holes=draw.randrange(3),
        failed_guards=draw.choice([(), ("levels_ordered", "cost")]),
        entry_off_market=draw.choice([True, False, None]),
        went_on=draw.random() < 0.5,
        added_after_exit=draw.random() < 0.1,
        pessimistic=pessimistic,
        optimistic=a_bound(draw, opened_at, known=known) if ambiguous else pessimistic,
        difference=a_difference(draw, known=known) if compared else None,
    )


def a_bound(draw: Random, opened_at: int, *, known: bool) -> BoundFields:
    time = draw.randrange(100 * HOUR_MS)
    return BoundFields(
        first=amounts(draw),
        committed=amounts(draw) if known else None,
        quote=amounts(draw) if known else None,
        r=amounts(draw) if known else None,
        net_r_own=draw.gauss(0, 1) if known else None,
        end_at_ms=opened_at + time,
        end_level=draw.choice(["TP1", "SL", "OPEN"]),
        time_in_trade_ms=time,
        targets_hit=draw.randrange(4),
        mfe=an_interval(draw),
        mae=an_interval(draw),
        give_back=draw.choice([None, an_interval(draw)]),
    )


def a_difference(draw: Random, *, known: bool) -> DifferenceFields:
    units = [an_interval(draw) if known else None for _ in range(3)]
    return DifferenceFields(an_interval(draw), *units)


def amounts(draw: Random) -> UnitAmounts:
    gross, fees = draw.gauss(0, 0.02), draw.choice([-0.0, 0.0, 5e-324, 0.001])
    return UnitAmounts(gross, fees, 0.1 + 0.2, draw.gauss(0, 1e-9), gross - fees)


def an_interval(draw: Random) -> Interval:
    lower = draw.gauss(0, 1)
    return Interval(lower, lower + draw.random())


def policy_rows(candidates: int = 2) -> list[PolicyRow]:
    """Return the policies of `outcome_rows`."""
    none = (None, None, "{}", "{}", None, None)
    return [
        PolicyRow(AS_TRADED, "as_traded", "as traded", *none),
        PolicyRow(BASELINE, "baseline", "as recorded", *none),
        *(
            PolicyRow(
                number,
                "candidate",
                f"v3.6 base_sl={number}",
                "lsf-3.6",
                "fraction",
                f'{{"base_sl":{number}}}',
                '{"break_even":"none"}',
                "cd" * 32,
                None,
            )
            for number in range(1, candidates + 1)
        ),
    ]


def leg_rows(positions: int, seed: int = 1) -> Iterator[LegRow]:
    """Yield two legs of each bound of positions."""
    draw = Random(seed)
    for number in range(positions):
        for bound in ("pessimistic", "optimistic"):
            for leg, level in enumerate(("TP1", "SL"), start=1):
                yield LegRow(
                    f"{number:08x}",
                    draw.randrange(-1, 3),
                    bound,
                    leg,
                    level,
                    0.5,
                    draw.uniform(1, 9),
                    NOON_MS + number * HOUR_MS,
                    leg == 1,
                    draw.uniform(1, 9) if leg == 1 else None,
                )
