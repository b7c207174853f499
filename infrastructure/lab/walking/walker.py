"""The kernel behind the simulation port, with the same results as one position after another."""

from collections.abc import Iterator, Sequence

from exitbrain.application.ports.walks import RowWalks
from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.fit import check_fit, entry_off_market, wrong_kind
from exitbrain.domain.simulation.outcome import ExitBounds, ExitLeg, History
from exitbrain.infrastructure.lab.walking.arrays import LEVELS
from exitbrain.infrastructure.lab.walking.columns import (
    MarketColumns,
    WalkColumns,
    market_columns,
    setup_columns,
)
from exitbrain.infrastructure.lab.walking.course import first_candles
from exitbrain.infrastructure.lab.walking.kernel import walk_columns


class KernelWalks(RowWalks):
    """Simulate many positions at once, in threads.

    Positions with lower-timeframe data, or with a plan that changes, go through the row simulation one by
    one.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._market: Market | None = None
        self._columns: MarketColumns | None = None

    def walk_each(self, positions: Sequence[ExitSetup], market: Market) -> Sequence[ExitBounds]:
        if market.lower_timeframe is not None:
            return super().walk_each(positions, market)
        for setup in positions:
            check_fit(setup, market)
        columns = self._columns_of(market)
        given = setup_columns(positions)
        walked = walk_columns(columns, given, self._threads)
        first = columns.opens_ms[first_candles(columns, given.opened_ms)].tolist()
        return list(_walks(walked, positions, market, first))

    def _columns_of(self, market: Market) -> MarketColumns:
        """Return the columns of a market; the last market's are kept for the next batch."""
        if self._columns is None or self._market is not market:
            self._market, self._columns = market, market_columns(market)
        return self._columns


def _walks(
    walked: WalkColumns, positions: Sequence[ExitSetup], market: Market, first: list[int]
) -> Iterator[ExitBounds]:
    """Yield the rows as domain values, from lists, which are read faster than arrays."""
    histories = _histories(walked, positions)
    ambiguous, mark_assumed = walked.ambiguous.tolist(), walked.mark_assumed.tolist()
    ambiguous_candles, last_end_ms = walked.ambiguous_candles.tolist(), walked.last_end_ms.tolist()
    for row, setup in enumerate(positions):
        yield ExitBounds(
            pessimistic=next(histories),
            optimistic=next(histories),
            ambiguous=ambiguous[row],
            ambiguous_candles=ambiguous_candles[row],
            refined_candles=0,
            unrefined_candles=0,
            first_candle_ms=first[row],
            last_end_ms=last_end_ms[row],
            entry_off_market=entry_off_market(setup, market.candles),
            mark_assumed=mark_assumed[row],
            wrong_kind=wrong_kind(setup, market.candles),
        )


def _histories(walked: WalkColumns, positions: Sequence[ExitSetup]) -> Iterator[History]:
    """Yield the pessimistic and the optimistic history of each position in turn."""
    legs, level, fraction = walked.legs.tolist(), walked.level.tolist(), walked.fraction.tolist()
    price, at_ms = walked.price.tolist(), walked.at_ms.tolist()
    gross, exit_fees, slippage = walked.gross.tolist(), walked.exit_fees.tolist(), walked.slippage.tolist()
    funding, net, holes = walked.funding.tolist(), walked.net.tolist(), walked.holes.tolist()
    for row, setup in enumerate(positions):
        for bound in range(2):
            made = range(legs[row][bound])
            one = level[row][bound], fraction[row][bound], price[row][bound], at_ms[row][bound]
            yield History(
                tuple(ExitLeg(LEVELS[one[0][leg]], one[1][leg], one[2][leg], one[3][leg]) for leg in made),
                gross[row][bound],
                setup.costs.fee_rate,
                exit_fees[row][bound],
                slippage[row][bound],
                funding[row][bound],
                net[row][bound],
                holes[row][bound],
            )
