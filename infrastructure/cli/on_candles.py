"""What `whatif --candles` asks of the recorded positions, from the flags to the results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.whatif.policy_rows import label_of, policies_of
from exitbrain.application.whatif.results import OutcomeResults, Question, Take, find_outcomes
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.cli.engines import engine_for
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import CloseFlags, TableFlags, WalkFlags, flag_of
from exitbrain.infrastructure.cli.outcome_table import new_table
from exitbrain.infrastructure.cli.progress import ProgressBar
from exitbrain.infrastructure.cli.store import OpenStore
from exitbrain.infrastructure.lab.judges import Statistics


@dataclass(frozen=True, slots=True)
class MarketFlags:
    """Where candles lie, what candidates are compared with there, and how positions are walked."""

    candles: str
    baseline: str | None
    seed: int
    walk: WalkFlags
    closes: CloseFlags
    table: TableFlags


def market_flags(
    candles: str | None,
    baseline: str | None,
    seed: int,
    walk: WalkFlags,
    closes: CloseFlags,
    table: TableFlags,
) -> MarketFlags | None:
    """Return what is asked of market data, None where nothing is; raises WrongUsage."""
    if candles is not None:
        if seed < 0:
            raise WrongUsage(f"--seed is {seed}; allowed: 0 or more")
        return MarketFlags(candles, baseline, seed, walk, closes, table)
    given = [] if baseline is None else ["--baseline"]
    given += [
        flag_of(field.name)
        for flags in (walk, closes, table)
        for field in fields(flags)
        if getattr(flags, field.name) != field.default
    ]
    if given:
        raise WrongUsage(f"{given[0]} is about positions on market data; give --candles too")
    return None


@contextmanager
def on_candles(
    market: MarketFlags | None,
    store_read: OpenStore,
    policies: Sequence[Policy],
    baseline: Policy | None,
    *,
    family: bool,
) -> Iterator[Callable[[Selection], OutcomeResults | None]]:
    """Yield what walks the recorded positions of a selection; its table of outcomes appears when the block ends.

    It returns None where nothing is asked of market data. Raises InvalidValue, NotWritten and MarketUnreadable.
    """
    if market is None:
        yield lambda _: None
        return
    question = _question(market, store_read, policies, baseline, family=family)
    with new_table(market.table, lambda: (label_of(question), policies_of(question))) as table:
        take = None if table is None else table.answers(question)
        yield lambda selection: _results(question, market, store_read, selection, take)


def _question(
    market: MarketFlags,
    store_read: OpenStore,
    policies: Sequence[Policy],
    baseline: Policy | None,
    *,
    family: bool,
) -> Question:
    # Only here: it brings the libraries that read candle files.
    from exitbrain.infrastructure.cli.walk_flags import close_rules_of, terms_of, unit_of  # noqa: PLC0415 - an extra

    return Question(
        baseline=baseline,
        candidates=policies,
        terms=terms_of(market.walk, policies[0]),
        closes=close_rules_of(market.closes, store_read.container.reasons()),
        unit=unit_of(market.closes),
        seed=market.seed,
        include_off_market=market.walk.include_off_market,
        family=family,
    )


def _results(
    question: Question, market: MarketFlags, store_read: OpenStore, selection: Selection, take: Take | None
) -> OutcomeResults:
    from exitbrain.infrastructure.cli.walk_flags import market_of  # noqa: PLC0415 - an extra

    container = store_read.container
    data = market_of(market.walk, market.candles, container.settings().file_limits)
    asked = [*question.candidates, *([] if question.baseline is None else [question.baseline])]
    positions = recorded_positions(
        store_read.ledger, container.translator(), selection, progress=store_read.work.reached
    )
    with ProgressBar("walking", len(positions)) as work:

        def progress(walked: int) -> None:
            work.reached(walked, count=walked, unit="positions")

        results = find_outcomes(
            container.policies(),
            container.snapshots(),
            engine_for(asked, container.engine()),
            data,
            question,
            positions,
            Statistics(),
            take=take,
            progress=progress,
        )
    results.data_left_out, results.remarks = data.left_out, data.remarks
    return results
