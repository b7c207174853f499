"""Draw the candles of a position with its levels as steps and marks of what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from exitbrain.infrastructure.lab.reports.figures import (
    GREEN,
    GREY,
    colour_of,
    plain_text,
    styled,
    time_of,
    units_per_px,
)
from exitbrain.infrastructure.lab.reports.label_places import label_shifts

LADDERS_SHOWN = 2.0
"""The space above and below the ladders in a price chart, in multiples of their height."""

PRICE_CHART_PX = 420
AMBER = "#b07d12"
_LABELS_PX = 78


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


def price_chart(
    bars: Bars, entry: float, ladders: Sequence[PriceLevels], marks: Sequence[Marks] = ()
) -> go.Figure:
    """Draw candles with the entry, the levels of up to two policies as steps, and marks of what happened.

    The levels of two policies are labelled A and B; those of B are dashed.
    """
    drawing = go.Figure(
        go.Candlestick(
            x=[time_of(ms) for ms in bars.open_time_ms],
            open=list(bars.open),
            high=list(bars.high),
            low=list(bars.low),
            close=list(bars.close),
            name="price",
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
    drawing.update_xaxes(
        rangeslider={"visible": False}, title="time (UTC)", nticks=3, tickangle=0, tickfont={"size": 10}
    )
    drawing.update_yaxes(title="price", range=shown, exponentformat="none")
    drawing = styled(drawing)
    drawing.update_layout(height=PRICE_CHART_PX, margin={"r": _LABELS_PX}, showlegend=False)
    return drawing


def _draw_levels(drawing: go.Figure, ladder: PriceLevels, letter: str, *, dashed: bool) -> None:
    name = plain_text(f"{letter}: {ladder.policy}" if letter else ladder.policy)
    for level, steps in ladder.steps.items():
        drawing.add_trace(
            go.Scatter(
                x=[time_of(at_ms) for at_ms, _ in steps],
                y=[price for _, price in steps],
                mode="lines",
                line={
                    "color": GREEN if dashed else colour_of(level),
                    "width": 1.8,
                    "dash": "dash" if dashed else "solid",
                    "shape": "hv",
                },
                name=name,
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
    shifts = label_shifts(within, units_per_px(shown, PRICE_CHART_PX))
    for price, shift in zip(within, shifts, strict=True):
        drawing.add_annotation(
            xref="paper",
            x=1.0,
            y=price,
            text=plain_text(", ".join(named[price])),
            showarrow=False,
            xanchor="left",
            xshift=3,
            yshift=shift,
            font={"size": 11},
        )


def _draw_marks(drawing: go.Figure, marks: Marks) -> None:
    drawing.add_trace(
        go.Scatter(
            x=[time_of(ms) for ms in marks.at_ms],
            y=marks.prices,
            text=[plain_text(text) for text in marks.texts],
            hovertemplate="%{text} at %{y}<br>%{x}<extra></extra>",
            mode="markers",
            marker={
                "symbol": marks.symbol,
                "size": 11,
                "color": AMBER,
                "line": {"width": 2, "color": AMBER},
            },
            name=plain_text(marks.name),
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
