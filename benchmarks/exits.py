"""Exits of many positions in columns, beside the plain row walk."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np

from benchmarks.measure import Figure, best_of
from exitbrain.application.ports.walks import RowWalks
from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.values import Side, round_trip_cost
from exitbrain.infrastructure.lab.walking.columns import WalkColumns, market_columns, setup_columns
from exitbrain.infrastructure.lab.walking.kernel import walk_columns
from exitbrain.infrastructure.lab.walking.walker import KernelWalks
from tests.prices import prices_at

IN_A_ROW = 5
CANDLES, POSITIONS = 100_000, 1_000
MINUTE_MS = 60_000
FULL = Rules(break_even=round_trip_cost(5.0, 2.0))
TRAILED = Rules(FULL.break_even, trailing=Trailing(0.006, 0.004))
REACH, REACH_TRAILED = ("11k", "110k"), ("21k", "210k")
"""20 and 200 times a row walk that looks at every candle."""


def figures() -> Iterator[Figure]:
    market = _a_market()
    yield _beside_rows("", market, _entries(market, FULL), REACH)
    yield _beside_rows(", trailing", market, _entries(market, TRAILED), REACH_TRAILED)
    yield _objects_beside_rows(market, _entries(market, FULL))


def _beside_rows(rules: str, market: Market, positions: list[ExitSetup], reach: tuple[str, str]) -> Figure:
    columns, given = market_columns(market), setup_columns(positions)

    def ours() -> WalkColumns:
        return walk_columns(columns, given, threads=1)

    walked = int(ours().walked.sum())
    what = f"full walk{rules}: columns in and out, one thread"
    return _beside(what, ours, market, positions, walked, reach)


def _objects_beside_rows(market: Market, positions: list[ExitSetup]) -> Figure:
    walks = KernelWalks(threads=1)
    walked = int(walk_columns(market_columns(market), setup_columns(positions)).walked.sum())

    def ours() -> Sequence[ExitBounds]:
        return walks.walk_each(positions, market)

    what = "full walk: positions in, walks out, one thread"
    return _beside(what, ours, market, positions, walked, REACH)


def _beside(
    what: str,
    ours: Callable[[], object],
    market: Market,
    positions: list[ExitSetup],
    walked: int,
    reach: tuple[str, str],
) -> Figure:
    if KernelWalks().walk_each(positions, market) != RowWalks().walk_each(positions, market):
        raise AssertionError("the two walked differently")
    return Figure(
        what,
        "positions/s",
        len(positions) / _steady(ours),
        "plain row walk",
        len(positions) / best_of(3, lambda: RowWalks().walk_each(positions, market)),
        *reach,
        f"{len(positions):,} positions, {walked:,} candles; three targets, break-even, costs, both bounds; the same legs",
    )


def _a_market() -> Market:
    """Return candles of four trades each, a minute's move of 6 bps."""
    chance = np.random.default_rng(1)
    traded = 100 * np.exp(np.cumsum(chance.normal(0.0, 0.0003, 4 * CANDLES))).reshape(CANDLES, 4)
    columns = traded[:, 0], traded.max(axis=1), traded.min(axis=1), traded[:, -1]
    rows = zip(*(x.tolist() for x in columns), strict=True)
    return Market(CandleSeries(MINUTE_MS, [Candle(MINUTE_MS * bar, *row) for bar, row in enumerate(rows)]))


def _entries(market: Market, rules: Rules) -> list[ExitSetup]:
    """Return entries at the opens of random candles, the distances those of a wide and of a narrow policy."""
    draw, made = Random(1), []
    for _ in range(POSITIONS):
        candle, side = draw.choice(market.candles.candles), draw.choice(list(Side))
        tp = draw.choice([0.005, 0.02])
        targets, stop = prices_at(side, candle.open, Distances(tp, tp * 1.6, tp * 2.4, tp * 0.8))
        made.append(
            ExitSetup(
                side, candle.open, candle.open_time_ms, targets, stop, (0.4, 0.3, 0.3), Costs(5.0, 2.0), rules
            )
        )
    return made


def _steady(work: Callable[[], object]) -> float:
    """Return the seconds of one run of several in a row: what collecting garbage evicts from caches is not its cost."""

    def in_a_row() -> None:
        for _ in range(IN_A_ROW):
            work()

    return best_of(15, in_a_row) / IN_A_ROW
