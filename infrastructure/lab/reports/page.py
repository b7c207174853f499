"""Write one self-contained HTML page of figure cards, text, pictures and tables that needs no network.

The same content gives the same bytes. Plotly draws the pictures in the reader's browser; a page without pictures
has no script at all. The browser runs only the page's own scripts, allowed by their hashes, and loads nothing,
whatever names the data contain.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from html import escape
from itertools import starmap
from pathlib import Path

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from exitbrain.infrastructure.files.written import finished_text
from exitbrain.infrastructure.lab.reports.style import PAPER, STYLE

FIGURE_HEIGHT_PX = 380

_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


class Tone(StrEnum):
    """How a card is coloured; its words say the same."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure of the answer: its name, the figure, and what it counts."""

    name: str
    figure: str
    note: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of text under headings; the column indexes in `numbers` are aligned right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Folded:
    """A table that opens on a click; on paper it is always open."""

    summary: str
    table: ReportTable


@dataclass(frozen=True, slots=True)
class Figure:
    """A plotly figure with its title, and a caption of a few sentences; two of `half` fit beside each other."""

    title: str
    drawing: go.Figure
    caption: str = ""
    half: bool = False


Block = ReportTable | Folded | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, an introduction, and blocks in order."""

    title: str
    text: tuple[str, ...]
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A report: its title, the answer in cards and in a few sentences, and its sections."""

    title: str
    cards: tuple[Card, ...]
    lead: tuple[str, ...]
    sections: Sequence[Section]


def write(page: Page, path: Path) -> None:
    """Write a page as one file, completely or not at all."""
    with finished_text(path) as file:
        file.write(html_of(page))


def html_of(page: Page) -> str:
    """Return a page as HTML."""
    sections = "\n".join(starmap(_section, enumerate(page.sections, start=1)))
    drawings = _SCRIPT.findall(sections)
    # one script for all figures, so that two hashes are enough
    scripts = (get_plotlyjs(), "\n".join([*drawings, PAPER])) if drawings else ()
    parts = [
        '<!doctype html><html lang="en"><head>',
        f'<meta http-equiv="Content-Security-Policy" content="{_allowed(scripts)}">',
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body>",
        f"<header><b>ExitBrain</b> report</header><main><h1>{escape(page.title)}</h1>",
        _cards(page.cards),
        *_paragraphs(page.lead, "lead"),
        _contents(page.sections),
        _SCRIPT.sub("", sections),
        "</main>",
        *(f"<script>{script}</script>" for script in scripts),
        "</body></html>",
    ]
    return "\n".join(parts)


def _allowed(scripts: Sequence[str]) -> str:
    """Return the page's security policy: these scripts only, and the styles and images that plotly needs."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = [f"'sha256-{digest}'" for digest in digests] or ["'none'"]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(hashes)}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _cards(cards: Sequence[Card]) -> str:
    made = (
        f'<div class="card {card.tone.value}"><span>{escape(card.name)}</span>'
        f"<strong>{escape(card.figure)}</strong><small>{escape(card.note)}</small></div>"
        for card in cards
    )
    return f'<div class="cards">{"".join(made)}</div>'


def _contents(sections: Sequence[Section]) -> str:
    items = (f'<li><a href="#s{n}">{escape(s.title)}</a></li>' for n, s in enumerate(sections, start=1))
    return f"<nav><ol>{''.join(items)}</ol></nav>"


def _section(number: int, section: Section) -> str:
    blocks = (_block(block, f"f{number}-{place}") for place, block in enumerate(section.blocks, start=1))
    return "\n".join(
        [
            f'<section id="s{number}"><h2>{escape(section.title)}</h2>',
            *_paragraphs(section.text, "say"),
            *blocks,
            "</section>",
        ]
    )


def _block(block: Block, name: str) -> str:
    match block:
        case ReportTable():
            return _table(block)
        case Folded():
            return f"<details><summary>{escape(block.summary)}</summary>{_table(block.table)}</details>"
        case Figure():
            return _figure(block, name)


def _paragraphs(texts: Sequence[str], kind: str) -> list[str]:
    return [f'<p class="{kind}">{escape(text)}</p>' for text in texts]


def _table(table: ReportTable) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        made = (
            f"<{tag}{' class=number' if place in table.numbers else ''}>{escape(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(row(cells, "td") for cells in table.rows)
    return f'<div class="wide"><table><thead>{row(table.headings, "th")}</thead><tbody>{body}</tbody></table></div>'


def _figure(figure: Figure, name: str) -> str:
    height = figure.drawing.layout.height or FIGURE_HEIGHT_PX
    drawn = to_html(
        figure.drawing,
        include_plotlyjs=False,
        full_html=False,
        div_id=name,
        default_height=f"{height}px",
        config={"displayModeBar": False, "responsive": True},
    )
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    kind = ' class="half"' if figure.half else ""
    return f"<figure{kind}><h3>{escape(figure.title)}</h3>{drawn}{caption}</figure>"
