"""Write one self-contained HTML page of text, tables and figures that needs no network.

The same content gives the same bytes. Plotly draws the figures in the reader's browser; in print, sections
stay together and colours differ in grey. The browser runs only the page's two scripts, allowed by their
hashes, and loads nothing, whatever names the data contain.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from itertools import starmap
from pathlib import Path

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from exitbrain.infrastructure.files.written import finished_text

FIGURE_HEIGHT_PX = 380

_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of text under headings; the column indexes in `numbers` are aligned right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Figure:
    """A plotly figure and its caption of one sentence."""

    drawing: go.Figure
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, an introduction, and tables and figures in order."""

    title: str
    text: tuple[str, ...]
    blocks: tuple[ReportTable | Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A report: its title, the answer in a few sentences, and its sections."""

    title: str
    lead: tuple[str, ...]
    sections: Sequence[Section]


def write(page: Page, path: Path) -> None:
    """Write a page as one file, completely or not at all."""
    with finished_text(path) as file:
        file.write(html_of(page))


def html_of(page: Page) -> str:
    """Return a page as HTML."""
    library, sections = get_plotlyjs(), "\n".join(starmap(_section, enumerate(page.sections, start=1)))
    drawing = "\n".join(
        _SCRIPT.findall(sections)
    )  # one script for all figures, so that two hashes are enough
    parts = [
        '<!doctype html><html lang="en"><head>',
        f'<meta http-equiv="Content-Security-Policy" content="{_allowed(library, drawing)}">',
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style>",
        f"<script>{library}</script></head><body><main>",
        f"<h1>{escape(page.title)}</h1>",
        *_paragraphs(page.lead, "lead"),
        _contents(page.sections),
        _SCRIPT.sub("", sections),
        f"</main><script>{drawing}</script></body></html>",
    ]
    return "\n".join(parts)


def _allowed(*scripts: str) -> str:
    """Return the page's security policy: these scripts only, and the styles and images that plotly needs."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    hashes = [f"'sha256-{digest}'" for digest in digests]
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


def _contents(sections: Sequence[Section]) -> str:
    items = (f'<li><a href="#s{n}">{escape(s.title)}</a></li>' for n, s in enumerate(sections, start=1))
    return f"<nav><ol>{''.join(items)}</ol></nav>"


def _section(number: int, section: Section) -> str:
    blocks = (
        _table(block) if isinstance(block, ReportTable) else _figure(block, f"f{number}-{place}")
        for place, block in enumerate(section.blocks, start=1)
    )
    return "\n".join(
        [
            f'<section id="s{number}"><h2>{escape(section.title)}</h2>',
            *_paragraphs(section.text, "say"),
            *blocks,
            "</section>",
        ]
    )


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
        config={"displaylogo": False, "responsive": True},
    )
    return f"<figure>{drawn}<figcaption>{escape(figure.caption)}</figcaption></figure>"


_STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1d2329; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid #ccd3da; }
p { margin: .4rem 0; max-width: 48rem; }
.lead { font-size: 1.05rem; }
.say { color: #3d4750; }
nav ol { columns: 2; padding-left: 1.2rem; font-size: .95rem; }
a { color: #0b5394; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e3e8ec; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #8a96a3; font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; }
figcaption { color: #55606b; font-size: .9rem; }
@page { margin: 14mm; }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  section { break-inside: auto; }
  h2, tr, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  .modebar { display: none; }
}
"""
