"""Sections that several reports share."""

from collections.abc import Sequence

from exitbrain.infrastructure.lab.reports.figures import equity, surface
from exitbrain.infrastructure.lab.reports.page import Figure, Section
from exitbrain.infrastructure.lab.reports.surface import LEVERAGES, VOLATILITIES, Surface
from exitbrain.infrastructure.lab.reports.walked import ReportedPosition, equity_curve, slippage_table

BOUNDS = (
    "A candle does not show the order of events inside it. Every possible order is simulated: the pessimistic "
    "bound is the lowest result, the optimistic bound the highest. The true result lies between them."
)


def surfaces(found: Sequence[Surface]) -> Section:
    """Return the LSF and the distances over leverage and volatility."""
    figures = []
    for each in found:
        for name, grid in (
            ("adjusted LSF", each.lsf),
            ("stop distance", each.stop),
            ("TP1", each.first_target),
        ):
            drawing = surface(f"{each.policy}: {name}", LEVERAGES, VOLATILITIES, grid)
            unit = "no unit" if grid is each.lsf else "a fraction of the entry price"
            figures.append(Figure(drawing, f"{each.policy}, {name} over leverage and volatility, {unit}."))
    return Section(
        "The policy over leverage and volatility",
        (
            "For a long position without funding or divergence, average PnL 0. The policy refuses levels in white areas.",
        ),
        tuple(figures),
    )


def results_over_time(policies: Sequence[Sequence[ReportedPosition]]) -> Section:
    """Return the sums of net results over time, and the totals under different slippage."""
    walked = [paths for paths in policies if paths]
    if not walked:
        return Section("Results over time", ("No position was simulated.",))
    curves = [equity_curve(paths) for paths in walked]
    drawing = equity("Net results added up, by the time of the last leg", curves)
    return Section(
        "Results over time and slippage",
        (
            (
                "Each total below is simulated again with that slippage on every market exit; levels stay as decided. "
                "The last row deducts a tenth of the exit candle's range (high minus low) from the results without slippage."
            ),
        ),
        (
            Figure(
                drawing,
                "Bands from the pessimistic to the optimistic bound; open parts count at their last close.",
            ),
            slippage_table(walked),
        ),
    )
