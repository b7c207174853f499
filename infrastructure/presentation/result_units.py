"""Results in words, in the unit that is judged."""

from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.infrastructure.presentation.wording import percent

MEANING = {
    ResultUnit.COMMITTED: "percent of the capital committed to each position",
    ResultUnit.FIRST: "percent of the first entry notional of each position",
    ResultUnit.R: "R, the amount at risk in each position",
    ResultUnit.QUOTE: "the quote currency",
}

AXIS = {
    ResultUnit.COMMITTED: "% of committed capital",
    ResultUnit.FIRST: "% of first notional",
    ResultUnit.R: "R",
    ResultUnit.QUOTE: "quote currency",
}
"""The units at the axis of a picture, whose numbers are those of `drawn`."""


def drawn(result: float, unit: ResultUnit) -> float:
    """Return a result as a picture shows it: fractions in percent."""
    return result if unit in (ResultUnit.R, ResultUnit.QUOTE) else 100.0 * result


def result_text(result: float, unit: ResultUnit) -> str:
    """Return a result with its unit."""
    match unit:
        case ResultUnit.R:
            return f"{result:.2f} R"
        case ResultUnit.QUOTE:
            return f"{result:,.2f}"
        case _:
            return percent(result)


def between(lower: float, upper: float, unit: ResultUnit = ResultUnit.FIRST) -> str:
    """Return bounds as text, one number where they are equal; fractions as percents where no unit is given."""
    low, high = result_text(lower, unit), result_text(upper, unit)
    return low if low == high else f"{low} to {high}"
