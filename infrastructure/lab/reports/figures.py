"""Draw the figures of the reports from plain numbers.

Plotly interprets tags and links in labels and names, so every text from outside is escaped here. Axes, labels and
grids take the colours of the page, so the colours here must be seen on light and on dark ground.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.infrastructure.lab.reports.label_places import label_shifts
from exitbrain.infrastructure.presentation.result_units import AXIS, drawn

BLUE, VERMILLION, GREEN, GREY = "#2f86c4", "#d4602a", "#1f9a70", "#7d8894"
"""Targets and the baseline, stops, the other policy, prices: also told apart by dashes and shapes."""

LADDER_PX = 380
_TOP_PX, _BOTTOM_PX = 20, 50
_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative results: the sums of the lower and of the upper bound at each time."""

    policy: str
    at_ms: Sequence[int]
    lower: Sequence[float]
    upper: Sequence[float]


def surface(
    unit: str,
    leverages: Sequence[float],
    volatilities: Sequence[float],
    values: Sequence[Sequence[float | None]],
) -> go.Figure:
    """Draw a value over leverage (across) and volatility (up); None, for refused levels, leaves a hole."""
    drawing = go.Figure(
        go.Contour(
            x=list(leverages),
            y=list(volatilities),
            z=[list(row) for row in values],
            colorscale="Viridis",
            contours={"showlabels": True, "labelfont": {"size": 11, "color": "white"}},
            colorbar={"thickness": 12},
            hovertemplate=f"leverage %{{x}}x<br>volatility %{{y}}<br>%{{z:.6g}} {plain_text(unit)}<extra></extra>",
        )
    )
    drawing.update_xaxes(title="leverage", type="log", tickvals=[1, 2, 5, 10, 20, 50, 125])
    drawing.update_yaxes(title="volatility factor", ticks="outside", ticklen=6)
    return styled(drawing)


def distribution(changes: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draw the frequency of changes (fractions), with a panel for each level, since their scales differ."""
    drawing = make_subplots(len(changes), 1, vertical_spacing=0.42 / len(changes))
    for place, (level, values) in enumerate(changes.items(), start=1):
        bars = go.Histogram(x=[100.0 * value for value in values], nbinsx=40, marker={"color": BLUE})
        drawing.add_trace(bars, row=place, col=1)
        drawing.update_yaxes(
            title=plain_text(level.upper()), nticks=4, ticks="outside", ticklen=6, row=place, col=1
        )
    drawing.update_layout(showlegend=False, height=110 + 110 * len(changes))
    drawing.update_xaxes(nticks=6)
    drawing.update_xaxes(title="change, percentage points", row=len(changes), col=1)
    return styled(drawing)


def distances(ladders: dict[str, dict[str, float]]) -> go.Figure:
    """Draw the ladders of policies side by side: targets up, the stop down, in percent of the entry price."""
    signed = [
        {level: -100.0 * value if level == "sl" else 100.0 * value for level, value in ladder.items()}
        for ladder in ladders.values()
    ]
    known = [0.0, *(value for ladder in signed for value in ladder.values())]
    room = 0.08 * (max(known) - min(known))
    shown = (min(known) - room, max(known) + room)
    drawing = go.Figure()
    for name, ladder in zip(ladders, signed, strict=True):
        _draw_ladder(drawing, plain_text(name), ladder, units_per_px(shown, LADDER_PX))
    drawing.add_hline(0.0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    drawing.update_xaxes(type="category", range=[-0.3, len(ladders) - 0.1])
    drawing.update_yaxes(title="% of the entry price, entry at 0", range=shown)
    drawing.update_layout(height=LADDER_PX)
    return styled(drawing)


def _draw_ladder(drawing: go.Figure, name: str, ladder: dict[str, float], units_per_px: float) -> None:
    drawing.add_trace(
        go.Scatter(
            x=[name] * len(ladder),
            y=list(ladder.values()),
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": 24,
                "line": {"color": [colour_of(level) for level in ladder], "width": 3},
            },
            showlegend=False,
        )
    )
    shifts = label_shifts([*ladder.values(), 0.0], units_per_px)  # no label on the line of the entry either
    for (level, value), shift in zip(ladder.items(), shifts, strict=False):
        drawing.add_annotation(
            x=name,
            y=value,
            text=plain_text(f"{level.upper()} {abs(value):.4g} %"),
            showarrow=False,
            xanchor="left",
            xshift=14,
            yshift=shift,
            font={"size": 11},
        )


def equity(curves: Sequence[Curve], unit: ResultUnit) -> go.Figure:
    """Draw the sums of net results over time as bands from the lower to the upper bound.

    The sums begin at 0 and change when a position ends. Where both bounds are the same all the time, one line is drawn.
    """
    drawing = go.Figure()
    first_ms = min(curve.at_ms[0] for curve in curves)
    last_ms = max(curve.at_ms[-1] for curve in curves)
    for curve, colour, band in zip(
        curves, (BLUE, GREEN), ("rgba(47,134,196,0.2)", "rgba(31,154,112,0.2)"), strict=False
    ):
        times = [time_of(ms) for ms in (first_ms, *curve.at_ms, last_ms)]
        line, policy = {"color": colour, "width": 2, "shape": "hv"}, plain_text(curve.policy)
        certain = list(curve.lower) == list(curve.upper)
        lower, upper = (
            [0.0, *(drawn(value, unit) for value in sums), drawn(sums[-1], unit)]
            for sums in (curve.lower, curve.upper)
        )
        drawing.add_trace(
            go.Scatter(
                x=times,
                y=upper,
                name=policy if certain else f"{policy}, highest",
                line=line,
                mode="lines",
            )
        )
        if not certain:
            drawing.add_trace(
                go.Scatter(
                    x=times,
                    y=lower,
                    name=f"{policy}, lowest",
                    line={**line, "dash": "dot"},
                    mode="lines",
                    fill="tonexty",
                    fillcolor=band,
                )
            )
    drawing.update_xaxes(title="time of the last exit (UTC)", nticks=4, tickangle=0)
    drawing.update_yaxes(title=f"sum, {AXIS[unit]}")
    return styled(drawing)


def colour_of(level: str) -> str:
    """Return the colour of a level."""
    return VERMILLION if level == "sl" else BLUE


def units_per_px(shown: tuple[float, float], height_px: int) -> float:
    """Return how much of an axis one pixel is."""
    return (shown[1] - shown[0]) / (height_px - _TOP_PX - _BOTTOM_PX)


def time_of(at_ms: int) -> datetime:
    """Return epoch milliseconds as a time."""
    return datetime.fromtimestamp(at_ms / _MS, UTC)


def plain_text(text: str) -> str:
    """Return a text without markup, whatever is in it."""
    return escape(text, quote=False)


def styled(drawing: go.Figure) -> go.Figure:
    """Give a figure the look of the reports."""
    drawing.update_layout(
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 60, "r": 26, "t": _TOP_PX, "b": _BOTTOM_PX},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.0},
        dragmode=False,
    )
    return drawing
