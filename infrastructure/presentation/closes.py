"""How recorded closes were read, and what that means for the results and the verdict."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec import Struct

from exitbrain.application.whatif.closes import AfterClose, Reading, UnknownCloses
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.application.whatif.totals import CandidateSums, TradedSums
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import Evidence, RecommendationReason
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.infrastructure.presentation.result_units import between, result_text

_HASH_SHOWN, _REASONS_SHOWN = 12, 10
_MAKERS = {
    EndedBy.EXITS: "by the exits",
    EndedBy.TRADER: "by the trader",
    EndedBy.VENUE: "by the venue",
    EndedBy.UNKNOWN: "by somebody unknown",
}
_UNKNOWN = {
    UnknownCloses.TRADER: "taken as made by the trader",
    UnknownCloses.EXITS: "taken as made by the exits",
    UnknownCloses.INFER: "taken as made by the exits where the recorded plan exits near it, else by the trader",
}


class EndedCounts(Struct):
    """How many recorded closes were made by whom, according to their reasons."""

    exits: int
    trader: int
    venue: int
    unknown: int


class ReadingVerdict(Struct):
    """The verdict under one reading of the closes: `unknown` is `trader`, `exits` or `infer`, `after_close` is
    `next-entry` or `horizon`.
    """

    unknown: str
    after_close: str
    verdict: str
    reason: str


class ClosesReport(Struct):
    """How recorded closes were read.

    `reason_table` is the SHA-256 of the table that says from its reason who made a close; `unmatched_reasons` are those
    that no row matches, so they count as unknown. `went_on` counts positions followed past their recorded close under
    a policy that did not make it, `added_after_exit` those with an add recorded after a policy's own exit, which is not
    walked for that policy. `readings` holds the verdict under each reading: of the single policy, or of the policies
    that the walk forward chose.
    """

    reason_table: str
    unmatched_reasons: list[str]
    ended_by: EndedCounts
    unknown_closes: str
    after_close: str
    horizon_ms: int
    went_on: int
    added_after_exit: int
    readings: list[ReadingVerdict]


class AsTradedTotals(Struct):
    """The recorded fills of `positions` positions that have them all, and the baseline walked on the same positions.

    For calibration: walked and filled differ by what the walk simplifies, so no verdict rests on it.
    """

    positions: int
    net: float
    baseline: Interval


class QuoteTotals(Struct):
    """Totals in one quote currency, over the positions of known quantity; never added to those of another."""

    currency: str
    positions: int
    pessimistic: float
    optimistic: float
    baseline: Interval
    difference: Interval
    as_traded: AsTradedTotals


def closes_of(results: OutcomeResults) -> ClosesReport:
    """Return how recorded closes were read."""
    closes, panel = results.question.closes, results.panel
    assert closes.horizon_ms is not None
    return ClosesReport(
        reason_table=closes.table.hash,
        unmatched_reasons=results.unmatched,
        ended_by=EndedCounts(*(panel.ended_by[each] for each in EndedBy)),
        unknown_closes=closes.reading.unknown.value,
        after_close=closes.reading.after.value,
        horizon_ms=closes.horizon_ms,
        went_on=panel.went_on,
        added_after_exit=panel.added_after_exit,
        readings=[
            ReadingVerdict(
                reading.unknown.value, reading.after.value, found.verdict.value, found.reason.value
            )
            for reading, found in results.readings.items()
        ],
    )


def as_traded_of(traded: TradedSums) -> AsTradedTotals:
    """Return the totals of the recorded fills."""
    return AsTradedTotals(traded.positions, traded.net, traded.baseline)


def quote_totals_of(results: OutcomeResults, candidate: int) -> list[QuoteTotals]:
    """Return the totals of a candidate in each quote currency."""
    quote = results.panel.totals[candidate].quote
    return [
        _quote(currency, quote[currency], results.panel.traded_quote[currency]) for currency in sorted(quote)
    ]


def _quote(currency: str, sums: CandidateSums, traded: TradedSums) -> QuoteTotals:
    return QuoteTotals(
        currency=currency,
        positions=sums.positions,
        pessimistic=sums.pessimistic,
        optimistic=sums.optimistic,
        baseline=sums.baseline,
        difference=Interval(sums.lower, sums.upper),
        as_traded=as_traded_of(traded),
    )


def closes_text(results: OutcomeResults) -> Iterator[str]:
    """Yield how recorded closes were read, and which positions went on after theirs."""
    panel, closes = results.panel, results.question.closes
    made = [f"{panel.ended_by[each]} {text}" for each, text in _MAKERS.items() if panel.ended_by[each]]
    if made:
        unknown = f", {_UNKNOWN[closes.reading.unknown]}" if panel.ended_by[EndedBy.UNKNOWN] else ""
        yield f"Recorded closes: {', '.join(made)}{unknown} (reason table {closes.table.hash[:_HASH_SHOWN]})."
    if results.unmatched:
        shown = ", ".join(repr(reason) for reason in results.unmatched[:_REASONS_SHOWN])
        more = len(results.unmatched) - _REASONS_SHOWN
        yield f"Reasons that no row of the table matches: {shown}{f' and {more} more' if more > 0 else ''}."
    if panel.went_on:
        yield (
            f"{_positions(panel.went_on)} went on after the recorded close, under a policy that did not make it, "
            f"until its own exit{_limit(results)}."
        )
    if panel.added_after_exit:
        yield (
            f"{_positions(panel.added_after_exit)} had an add recorded after a policy's own exit; "
            "it is not walked for that policy."
        )


def traded_text(results: OutcomeResults) -> Iterator[str]:
    """Yield the recorded fills beside the walk of the baseline, and the totals in each quote currency."""
    traded, unit = results.panel.traded, results.question.unit
    if traded.positions:
        yield (
            f"As traded ({_positions(traded.positions)} with all fills known): {result_text(traded.net, unit)}; "
            f"{results.question.baseline_name} walked on the same: "
            f"{between(traded.baseline.lower, traded.baseline.upper, unit)}. For calibration, not for the verdict."
        )


def readings_text(readings: dict[Reading, Evidence], judged: Evidence) -> Iterator[str]:
    """Yield the verdict under each reading of the closes, where it depends on them."""
    if judged.reason is RecommendationReason.DEPENDS_ON_CLOSES:
        for reading, found in readings.items():
            yield f"  {_reading(reading)}: {found.verdict.value} ({found.reason.value.replace('_', ' ')})"


def _reading(reading: Reading) -> str:
    until = "the next entry" if reading.after is AfterClose.NEXT_ENTRY else "the horizon"
    return f"unknown closes {_UNKNOWN[reading.unknown]}, others followed until {until}"


def _limit(results: OutcomeResults) -> str:
    closes = results.question.closes
    assert closes.horizon_ms is not None
    hours = closes.horizon_ms / (timedelta(hours=1) / timedelta(milliseconds=1))
    entry = ", the next recorded entry" if closes.reading.after is AfterClose.NEXT_ENTRY else ""
    return f"{entry} or {hours:g} h after the close"


def _positions(number: int) -> str:
    return f"{number} position{'' if number == 1 else 's'}"


def quote_text(totals: Sequence[QuoteTotals], names: tuple[str, str]) -> Iterator[str]:
    """Yield the totals of one candidate in each quote currency."""
    for each in totals:
        before, after = each.baseline, Interval(each.pessimistic, each.optimistic)
        yield (
            f"  in {each.currency} ({each.positions}): {names[0]} {_amounts(before)}, {names[1]} {_amounts(after)}, "
            f"difference {_amounts(each.difference)}"
        )


def _amounts(bounds: Interval) -> str:
    low, high = f"{bounds.lower:,.2f}", f"{bounds.upper:,.2f}"
    return low if low == high else f"{low} to {high}"
