"""Rows of the table of outcomes for recorded positions: as traded, the baseline, and each candidate."""

from collections.abc import Iterator
from decimal import Decimal

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.whatif.closes import makers_of
from exitbrain.application.whatif.outcomes import LeftOutPosition, PositionOutcome, Walked
from exitbrain.application.whatif.results import Question
from exitbrain.application.whatif.rows import (
    AS_TRADED,
    BASELINE,
    BoundFields,
    LegRow,
    OutcomeRow,
    PositionFields,
    WalkFields,
)
from exitbrain.application.whatif.sizes import sizes_of
from exitbrain.application.whatif.table_walks import both_bounds, difference_fields, legs_of, one_bound
from exitbrain.domain.evidence.sizes import ResultSizes
from exitbrain.domain.positions.ended_by import ReasonTable
from exitbrain.domain.simulation.outcome import History, PolicyDifference
from exitbrain.domain.values import ms_of


def rows_of(
    outcome: PositionOutcome | None, left_out: LeftOutPosition | None, question: Question
) -> list[OutcomeRow]:
    """Return the rows of a position; see `results.Take` for what is None."""
    if outcome is not None:
        return list(_walked_rows(outcome, left_out, question))
    assert left_out is not None
    fields = _position(left_out.position, question.closes.table, sizes_of(left_out.position, 0.0), None)
    policies = range(BASELINE, len(question.candidates) + 1)
    return [_row(fields, policy, left_out, None) for policy in policies]


def legs_of_outcome(outcome: PositionOutcome) -> Iterator[LegRow]:
    """Yield the legs of a walked position under every policy, and its fills as traded."""
    position_id = str(outcome.position.position_id)
    if outcome.as_traded is not None:
        yield from legs_of(position_id, AS_TRADED, outcome.as_traded, outcome.as_traded)
    for policy, walked in enumerate((outcome.baseline, *outcome.candidates)):
        yield from legs_of(position_id, policy, walked.bounds.pessimistic, walked.bounds.optimistic)


def _walked_rows(
    outcome: PositionOutcome, left_out: LeftOutPosition | None, question: Question
) -> Iterator[OutcomeRow]:
    sizes = outcome.sizes
    at_risk = None if sizes.first_notional is None else sizes.risk * float(sizes.first_notional)
    fields = _position(outcome.position, question.closes.table, sizes, at_risk)
    if outcome.as_traded is not None:
        yield _row(fields, AS_TRADED, left_out, _traded(outcome, outcome.as_traded))
    known: dict[int, tuple[BoundFields, BoundFields]] = {}
    differences = (None, *outcome.differences)
    for policy, (walked, difference) in enumerate(
        zip((outcome.baseline, *outcome.candidates), differences, strict=True)
    ):
        # Policies with equal plans share their bounds.
        both = known.get(id(walked.bounds))
        if both is None:
            both = both_bounds(
                walked.plan.setup, walked.bounds, outcome.market.candles, sizes, walked.own_risk
            )
            known[id(walked.bounds)] = both
        yield _row(fields, policy, left_out, _walk(walked, both, difference, sizes))


def _row(
    position: PositionFields, policy: int, left_out: LeftOutPosition | None, walk: WalkFields | None
) -> OutcomeRow:
    if left_out is None:
        return OutcomeRow(position, policy, True, None, None, walk)
    return OutcomeRow(position, policy, False, left_out.because.value, left_out.detail, walk)


def _walk(
    walked: Walked,
    both: tuple[BoundFields, BoundFields],
    difference: PolicyDifference | None,
    sizes: ResultSizes,
) -> WalkFields:
    bounds = walked.bounds
    return WalkFields(
        ambiguous=bounds.ambiguous,
        holes=bounds.holes,
        failed_guards=walked.failed_guards,
        entry_off_market=bounds.entry_off_market,
        went_on=walked.went_on,
        added_after_exit=walked.added_after_exit,
        pessimistic=both[0],
        optimistic=both[1],
        difference=None if difference is None else difference_fields(difference, sizes),
    )


def _traded(outcome: PositionOutcome, history: History) -> WalkFields:
    bounds = outcome.baseline.bounds
    one = one_bound(outcome.baseline.plan.setup, history, outcome.market.candles, outcome.sizes, 0.0)
    return WalkFields(
        ambiguous=False,
        holes=history.holes,
        failed_guards=(),
        entry_off_market=bounds.entry_off_market,
        went_on=False,
        added_after_exit=False,
        pessimistic=one,
        optimistic=one,
        difference=None,
    )


def _position(
    position: RecordedPosition, table: ReasonTable, sizes: ResultSizes, at_risk: float | None
) -> PositionFields:
    closed = position.closed
    ended_by = makers_of(position, table).close
    return PositionFields(
        position_id=str(position.position_id),
        symbol=position.symbol,
        account=position.account,
        side=position.side.value,
        opened_at_ms=ms_of(position.opened_at),
        leverage=position.leverage,
        quantity=_double(position.quantity),
        quote_currency=sizes.currency or None,
        entry_price=_double(position.entry_price),
        closed_at_ms=None if closed is None else ms_of(closed.stamp.occurred_at),
        close_reason=None if closed is None else closed.reason,
        ended_by=None if ended_by is None else ended_by.value,
        close_price=None if closed is None else _double(closed.exit_price),
        first_notional=_double(sizes.first_notional),
        committed=_double(sizes.committed),
        at_risk=at_risk,
    )


def _double(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
