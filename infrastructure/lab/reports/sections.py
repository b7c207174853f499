"""Sections that several reports share."""

from collections.abc import Sequence

from exitbrain.infrastructure.lab.reports.figures import equity, surface
from exitbrain.infrastructure.lab.reports.page import Figure, ReportTable, Section
from exitbrain.infrastructure.lab.reports.surface import LEVERAGES, VOLATILITIES, Surface
from exitbrain.infrastructure.lab.reports.walked import ReportedPosition, equity_curve, slippage_table
from exitbrain.infrastructure.presentation.result_units import MEANING

BOUNDS = (
    "A candle does not show the order of events inside it. Every possible order is simulated: the pessimistic "
    "bound is the lowest result, the optimistic bound the highest. The true result lies between them."
)


def surfaces(found: Sequence[Surface]) -> Section:
    """Return the LSF and the distances over leverage and volatility; what is the same everywhere is said in words."""
    figures, flat = [], []
    for each in found:
        for name, grid, unit, factor in (
            ("adjusted LSF", each.lsf, "", 1.0),
            ("stop distance", each.stop, "% of the entry price", 100.0),
            ("TP1 distance", each.first_target, "% of the entry price", 100.0),
        ):
            values = [[None if value is None else factor * value for value in row] for row in grid]
            known = {value for row in values for value in row if value is not None}
            title = f"{each.policy}: {name}{unit and ', '}{unit}"
            if len(known) == 1:
                flat.append(f"{title}: {known.pop():.6g} everywhere.")
            elif known:
                figures.append(Figure(title, surface(unit, LEVERAGES, VOLATILITIES, values), half=True))
    return Section(
        "The policy over leverage and volatility",
        (
            "For a long position without funding or divergence, average PnL 0. The policy refuses levels in empty areas.",
            *flat,
        ),
        tuple(figures),
    )


def results_over_time(policies: Sequence[Sequence[ReportedPosition]]) -> Section:
    """Return the picture of the sums of net results over time."""
    walked = [paths for paths in policies if paths]
    if not walked:
        return Section("Results over time", ("No position was simulated.",))
    unit = walked[0][0].unit
    drawing = equity([equity_curve(paths) for paths in walked], unit)
    return Section(
        "Results over time",
        (f"Net results added up when each position ends, in {MEANING[unit]}.",),
        (
            Figure(
                "Sum of net results",
                drawing,
                "Bands from the lowest to the highest result; open parts count at their last close.",
            ),
        ),
    )


def slippage(policies: Sequence[Sequence[ReportedPosition]]) -> Section:
    """Return the totals under different slippage."""
    walked = [paths for paths in policies if paths]
    tables: tuple[ReportTable, ...] = (slippage_table(walked),) if walked else ()
    return Section(
        "Slippage",
        (
            (
                "Each total is simulated again with that slippage on every market exit; levels stay as decided. "
                "The last row deducts a tenth of the exit candle's range (high minus low) from the results without slippage."
            ),
        ),
        tables,
    )
