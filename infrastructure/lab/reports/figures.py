"""Draw the figures of the reports from plain numbers.

Plotly interprets tags and links in labels and names, so every text from outside is escaped here. Axes, labels and
grids take the colours of the page, so the colours here must be seen on light and on dark ground.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.infrastructure.lab.reports.label_places import label_shifts
from exitbrain.infrastructure.presentation.result_units import AXIS, drawn

BLUE, VERMILLION, GREEN, GREY = "#2f86c4", "#d4602a", "#1f9a70", "#7d8894"
"""Targets and the baseline, stops, the other policy, prices: also told apart by dashes and shapes."""

LADDERS_SHOWN = 2.0
"""The space above and below the ladders in a price chart, in multiples of their height."""

PRICE_CHART_PX = 460
LADDER_PX = 380
_TOP_PX, _BOTTOM_PX, _LABELS_PX = 20, 50, 78
_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Bars:
    """Candles to draw: open times in epoch milliseconds, prices."""

    open_time_ms: Sequence[int]
    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]


@dataclass(frozen=True, slots=True)
class PriceLevels:
    """The level prices of one policy, by level name: each a list of times in epoch milliseconds and prices.

    A price is in force until the next time; the last one repeats the price at the end.
    """

    policy: str
    steps: dict[str, list[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class Marks:
    """Events of one kind on a price chart, drawn with one plotly symbol: their times, prices and texts."""

    name: str
    symbol: str
    at_ms: list[int] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, at_ms: int, price: float, text: str) -> None:
        """Add an event."""
        self.at_ms.append(at_ms)
        self.prices.append(price)
        self.texts.append(text)


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
            hovertemplate=f"leverage %{{x}}x<br>volatility %{{y}}<br>%{{z:.6g}} {_plain(unit)}<extra></extra>",
        )
    )
    drawing.update_xaxes(title="leverage", type="log", tickvals=[1, 2, 5, 10, 20, 50, 125])
    drawing.update_yaxes(title="volatility factor")
    return _styled(drawing)


def distribution(changes: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draw the frequency of changes (fractions), with a panel for each level, since their scales differ."""
    drawing = make_subplots(len(changes), 1, vertical_spacing=0.42 / len(changes))
    for place, (level, values) in enumerate(changes.items(), start=1):
        bars = go.Histogram(x=[100.0 * value for value in values], nbinsx=40, marker={"color": BLUE})
        drawing.add_trace(bars, row=place, col=1)
        drawing.update_yaxes(title=_plain(level.upper()), nticks=4, row=place, col=1)
    drawing.update_layout(showlegend=False, height=110 + 110 * len(changes))
    drawing.update_xaxes(nticks=6)
    drawing.update_xaxes(title="change, percentage points", row=len(changes), col=1)
    return _styled(drawing)


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
        _draw_ladder(drawing, _plain(name), ladder, _units_per_px(shown, LADDER_PX))
    drawing.add_hline(0.0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    drawing.update_xaxes(type="category", range=[-0.4, len(ladders) - 0.2])
    drawing.update_yaxes(title="% of the entry price, entry at 0", range=shown)
    drawing.update_layout(height=LADDER_PX)
    return _styled(drawing)


def _draw_ladder(drawing: go.Figure, name: str, ladder: dict[str, float], units_per_px: float) -> None:
    drawing.add_trace(
        go.Scatter(
            x=[name] * len(ladder),
            y=list(ladder.values()),
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": 36,
                "line": {"color": [_colour(level) for level in ladder], "width": 3},
            },
            showlegend=False,
        )
    )
    shifts = label_shifts(list(ladder.values()), units_per_px)
    for (level, value), shift in zip(ladder.items(), shifts, strict=True):
        drawing.add_annotation(
            x=name,
            y=value,
            text=_plain(f"{level.upper()} {abs(value):.4g} %"),
            showarrow=False,
            xanchor="left",
            xshift=24,
            yshift=shift,
        )


def price_chart(
    bars: Bars, entry: float, ladders: Sequence[PriceLevels], marks: Sequence[Marks] = ()
) -> go.Figure:
    """Draw candles with the entry, the levels of up to two policies as steps, and marks of what happened.

    The levels of two policies are labelled A and B, as in the legend.
    """
    drawing = go.Figure(
        go.Candlestick(
            x=[_time(ms) for ms in bars.open_time_ms],
            open=list(bars.open),
            high=list(bars.high),
            low=list(bars.low),
            close=list(bars.close),
            name="price",
            showlegend=False,
            increasing={"line": {"color": GREY, "width": 1}, "fillcolor": "rgba(0,0,0,0)"},
            decreasing={"line": {"color": GREY, "width": 1}, "fillcolor": GREY},
        )
    )
    drawing.add_hline(entry, line={"color": GREY, "width": 1.2, "dash": "dot"})
    labels = [(entry, "entry")]
    for place, ladder in enumerate(ladders):
        letter = "AB"[place] if len(ladders) > 1 else ""
        _draw_levels(drawing, ladder, letter, dashed=place > 0)
        labels += [
            (steps[-1][1], f"{letter} {level.upper()}".strip()) for level, steps in ladder.steps.items()
        ]
    shown = _around(bars, entry, ladders)
    _label_prices(drawing, labels, shown)
    for each in marks:
        _draw_marks(drawing, each)
    drawing.update_xaxes(rangeslider={"visible": False}, title="time (UTC)", nticks=5)
    drawing.update_yaxes(title="price", range=shown)
    drawing = _styled(drawing)
    drawing.update_layout(height=PRICE_CHART_PX, margin={"r": _LABELS_PX, "t": _TOP_PX, "b": 110})
    drawing.update_layout(legend={"y": -0.22, "yanchor": "top"})
    return drawing


def _draw_levels(drawing: go.Figure, ladder: PriceLevels, letter: str, *, dashed: bool) -> None:
    name = _plain(f"{letter}: {ladder.policy}" if letter else ladder.policy)
    for number, (level, steps) in enumerate(ladder.steps.items()):
        drawing.add_trace(
            go.Scatter(
                x=[_time(at_ms) for at_ms, _ in steps],
                y=[price for _, price in steps],
                mode="lines",
                line={
                    "color": GREEN if dashed else _colour(level),
                    "width": 1.8,
                    "dash": "dash" if dashed else "solid",
                    "shape": "hv",
                },
                name=name,
                legendgroup=name,
                showlegend=number == 0,
                hovertemplate=f"{name}, {level.upper()} %{{y}}<extra></extra>",
            )
        )


def _label_prices(
    drawing: go.Figure, labels: Sequence[tuple[float, str]], shown: tuple[float, float]
) -> None:
    """Write what each price is at the right edge; equal prices share a label."""
    named: dict[float, list[str]] = {}
    for price, name in labels:
        named.setdefault(price, []).append(name)
    within = [price for price in named if shown[0] <= price <= shown[1]]
    shifts = label_shifts(within, _units_per_px(shown, PRICE_CHART_PX - 60))
    for price, shift in zip(within, shifts, strict=True):
        drawing.add_annotation(
            xref="paper",
            x=1.0,
            y=price,
            text=_plain(", ".join(named[price])),
            showarrow=False,
            xanchor="left",
            xshift=3,
            yshift=shift,
            font={"size": 11},
        )


def _draw_marks(drawing: go.Figure, marks: Marks) -> None:
    drawing.add_trace(
        go.Scatter(
            x=[_time(ms) for ms in marks.at_ms],
            y=marks.prices,
            text=[_plain(text) for text in marks.texts],
            hovertemplate="%{text} at %{y}<br>%{x}<extra></extra>",
            mode="markers",
            marker={
                "symbol": marks.symbol,
                "size": 11,
                "color": "#b07d12",
                "line": {"width": 2, "color": "#b07d12"},
            },
            name=marks.name,
        )
    )


def _around(bars: Bars, entry: float, ladders: Sequence[PriceLevels]) -> tuple[float, float]:
    """Return the price range: all traded prices, cut if a crash would squeeze the levels into one line."""
    levels = (price for ladder in ladders for steps in ladder.steps.values() for _, price in steps)
    shown = [entry, *levels]
    lowest, highest = min(shown), max(shown)
    room = LADDERS_SHOWN * (highest - lowest)
    edge = 0.1 * (highest - lowest)
    return max(min(*bars.low, lowest - edge), lowest - room), min(
        max(*bars.high, highest + edge), highest + room
    )


def equity(curves: Sequence[Curve], unit: ResultUnit) -> go.Figure:
    """Draw the sums of net results over time as bands from the lower to the upper bound.

    The sums change when a position ends. Where both bounds are the same all the time, one line is drawn.
    """
    drawing = go.Figure()
    for curve, colour, band in zip(
        curves, (BLUE, GREEN), ("rgba(47,134,196,0.2)", "rgba(31,154,112,0.2)"), strict=False
    ):
        times = [_time(ms) for ms in curve.at_ms]
        line, policy = {"color": colour, "width": 2, "shape": "hv"}, _plain(curve.policy)
        certain = list(curve.lower) == list(curve.upper)
        upper = [drawn(value, unit) for value in curve.upper]
        drawing.add_trace(
            go.Scatter(
                x=times,
                y=upper,
                name=policy if certain else f"{policy}, highest",
                line=line,
                mode="lines+markers",
                marker={"size": 4},
            )
        )
        if not certain:
            drawing.add_trace(
                go.Scatter(
                    x=times,
                    y=[drawn(value, unit) for value in curve.lower],
                    name=f"{policy}, lowest",
                    line={**line, "dash": "dot"},
                    mode="lines",
                    fill="tonexty",
                    fillcolor=band,
                )
            )
    drawing.update_xaxes(title="time of the last exit (UTC)", nticks=5)
    drawing.update_yaxes(title=f"sum, {AXIS[unit]}")
    return _styled(drawing)


def _colour(level: str) -> str:
    return VERMILLION if level == "sl" else BLUE


def _units_per_px(shown: tuple[float, float], height_px: int) -> float:
    return (shown[1] - shown[0]) / (height_px - _TOP_PX - _BOTTOM_PX)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / _MS, UTC)


def _plain(text: str) -> str:
    return escape(text, quote=False)


def _styled(drawing: go.Figure) -> go.Figure:
    drawing.update_layout(
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 60, "r": 14, "t": _TOP_PX, "b": _BOTTOM_PX},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0.0},
        dragmode=False,
    )
    return drawing
