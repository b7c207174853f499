"""Draw the figures of the reports from plain numbers; fractions are shown in percent.

Plotly interprets tags and links in titles, labels and names, so every text from outside is escaped here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

BEFORE, AFTER, GREY = "#0072b2", "#d55e00", "#6b7682"
"""Two colours that also differ for colour-blind readers and in grey, and one for other elements."""

LOSS, GAIN = "#b5483f", "#3a7d5c"
LADDERS_SHOWN = 2.0
"""The space above and below the ladders in a price chart, in multiples of their height."""

_BAND = {"before": "rgba(0,114,178,0.18)", "after": "rgba(213,94,0,0.18)"}
_DASH = {"tp1": "dot", "tp2": "dot", "tp3": "dot", "sl": "solid"}
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
    """The level prices of one policy, by level name; absent levels are left out."""

    policy: str
    prices: dict[str, float]


@dataclass(frozen=True, slots=True)
class Marker:
    """A leg on the chart: its time, its price, and the level that closed it."""

    at_ms: int
    price: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Cumulative results: the sums of the lower and of the upper bound at each time."""

    policy: str
    at_ms: Sequence[int]
    lower: Sequence[float]
    upper: Sequence[float]


def surface(
    title: str,
    leverages: Sequence[float],
    volatilities: Sequence[float],
    values: Sequence[Sequence[float | None]],
) -> go.Figure:
    """Draw a value over leverage (across) and volatility (up); None, for refused levels, leaves a hole."""
    known = {value for row in values for value in row if value is not None}
    flat = len(known) == 1
    drawing = go.Figure(
        go.Contour(
            x=list(leverages),
            y=list(volatilities),
            z=[list(row) for row in values],
            colorscale="Viridis",
            contours={"showlabels": True, "labelfont": {"size": 11, "color": "white"}},
            colorbar={"thickness": 12},
            showscale=not flat,
            hovertemplate="leverage %{x}x<br>volatility %{y}<br>%{z:.6g}<extra></extra>",
        )
    )
    drawing.update_xaxes(title="leverage", type="log", tickvals=[1, 2, 5, 10, 20, 30, 50, 75, 125])
    drawing.update_yaxes(title="volatility factor")
    return _styled(drawing, f"{title}: {known.pop():.6g} everywhere" if flat else title)


def distribution(title: str, changes: Mapping[str, Sequence[float]]) -> go.Figure:
    """Draw the frequency of changes (fractions), with a panel for each level, since their scales differ."""
    drawing = make_subplots(1, len(changes), subplot_titles=[_plain(level.upper()) for level in changes])
    for place, values in enumerate(changes.values(), start=1):
        bars = go.Histogram(x=_percent(values), nbinsx=40, marker={"color": AFTER})
        drawing.add_trace(bars, row=1, col=place)
    drawing.update_layout(showlegend=False)
    drawing.update_yaxes(title="decisions", col=1)
    return _styled(drawing, title)


def distances(title: str, ladders: dict[str, dict[str, float]]) -> go.Figure:
    """Draw the ladders of policies side by side: targets up, the stop down, in percent of the entry price."""
    drawing = go.Figure()
    for (policy, ladder), colour in zip(ladders.items(), (BEFORE, AFTER), strict=False):
        signed = [-100.0 * value if level == "sl" else 100.0 * value for level, value in ladder.items()]
        drawing.add_trace(
            go.Scatter(
                x=[_plain(policy)] * len(signed),
                y=signed,
                text=[
                    _plain(f"{level.upper()} {abs(value):.4g} %")
                    for level, value in zip(ladder, signed, strict=True)
                ],
                mode="markers+text",
                textposition="middle right",
                marker={"symbol": "line-ew", "size": 46, "line": {"color": colour, "width": 3}},
                showlegend=False,
            )
        )
    drawing.add_hline(0.0, line={"color": GREY, "width": 1.5}, annotation_text="entry")
    drawing.update_xaxes(type="category", range=[-0.6, len(ladders) - 0.2])
    drawing.update_yaxes(title="% of the entry price")
    return _styled(drawing, title)


def price_chart(
    title: str, bars: Bars, entry: float, ladders: Sequence[PriceLevels], markers: Sequence[Marker] = ()
) -> go.Figure:
    """Draw candles with the entry, the level ladders of up to two policies, and the legs that closed."""
    drawing = go.Figure(
        go.Candlestick(
            x=[_time(ms) for ms in bars.open_time_ms],
            open=list(bars.open),
            high=list(bars.high),
            low=list(bars.low),
            close=list(bars.close),
            name="price",
            increasing={"line": {"color": GAIN, "width": 1}},
            decreasing={"line": {"color": LOSS, "width": 1}},
        )
    )
    drawing.add_hline(entry, line={"color": GREY, "width": 1.5}, annotation_text="entry")
    for ladder, colour, side in zip(ladders, (BEFORE, AFTER), ("right", "left"), strict=False):
        for level, price in ladder.prices.items():
            drawing.add_hline(
                price,
                line={"color": colour, "width": 1.2, "dash": _DASH[level]},
                annotation_text=_plain(f"{ladder.policy} {level.upper()}"),
                annotation_position=f"top {side}",
                annotation_font={"color": colour, "size": 11},
            )
    drawing.add_trace(
        go.Scatter(
            x=[_time(marker.at_ms) for marker in markers],
            y=[marker.price for marker in markers],
            text=[_plain(marker.text) for marker in markers],
            mode="markers+text",
            textposition="top center",
            marker={"symbol": "x", "size": 9, "color": "#1d2329"},
            name="closed",
        )
    )
    drawing.update_xaxes(rangeslider={"visible": False})
    drawing.update_yaxes(title="price", range=_around(bars, entry, ladders))
    return _styled(drawing, title)


def _around(bars: Bars, entry: float, ladders: Sequence[PriceLevels]) -> tuple[float, float]:
    """Return the price range: all traded prices, cut if a crash would squeeze the levels into one line."""
    shown = [entry, *(price for ladder in ladders for price in ladder.prices.values())]
    lowest, highest = min(shown), max(shown)
    room = LADDERS_SHOWN * (highest - lowest)
    edge = 0.1 * (highest - lowest)
    return max(min(*bars.low, lowest - edge), lowest - room), min(
        max(*bars.high, highest + edge), highest + room
    )


def equity(title: str, curves: Sequence[Curve]) -> go.Figure:
    """Draw the sums of net results over time as bands from the lower to the upper bound."""
    drawing = go.Figure()
    for curve, name, colour in zip(curves, _BAND, (BEFORE, AFTER), strict=False):
        times = [_time(ms) for ms in curve.at_ms]
        line, policy = {"color": colour, "width": 1.4}, _plain(curve.policy)
        drawing.add_trace(
            go.Scatter(x=times, y=_percent(curve.upper), name=f"{policy}, optimistic", line=line)
        )
        drawing.add_trace(
            go.Scatter(
                x=times,
                y=_percent(curve.lower),
                name=f"{policy}, pessimistic",
                line={**line, "dash": "dot"},
                fill="tonexty",
                fillcolor=_BAND[name],
            )
        )
    drawing.update_yaxes(title="sum of net results, % of entry notional")
    return _styled(drawing, title)


def _percent(values: Sequence[float]) -> list[float]:
    return [100.0 * value for value in values]


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / _MS, UTC)


def _plain(text: str) -> str:
    return escape(text, quote=False)


def _styled(drawing: go.Figure, title: str) -> go.Figure:
    drawing.update_layout(
        title={"text": _plain(title), "font": {"size": 15}},
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 12, "color": "#1d2329"},
        margin={"l": 60, "r": 20, "t": 50, "b": 45},
        legend={"orientation": "h", "y": -0.18},
    )
    return drawing
