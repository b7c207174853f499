"""Attacks by names in the data on whoever opens an export: formulas in a spreadsheet, markup and scripts in a report."""

import csv
import inspect
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import msgspec
import plotly.graph_objects as go
import pytest

from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.lab.positions import read_positions
from exitbrain.infrastructure.lab.reports import figures, price_charts
from exitbrain.infrastructure.lab.reports.figures import Curve
from exitbrain.infrastructure.lab.reports.page import (
    Card,
    Figure,
    Folded,
    Page,
    ReportTable,
    Section,
    html_of,
)
from exitbrain.infrastructure.lab.reports.price_charts import Bars, Marks, PriceLevels
from exitbrain.infrastructure.presentation import spreadsheet

HOSTILE = "</script><a href='javascript:alert(1)'>x</a><img src=x onerror=alert(1)>%{x}&lt;b&gt;"
LEVELS = {"tp1": 101.0, "sl": 99.0}
STEPS = {"tp1": [(0, 101.0), (60_000, 101.0)], "sl": [(0, 99.0), (60_000, 99.0)]}

DRAWN: dict[str, Callable[[], go.Figure]] = {
    "surface": lambda: figures.surface("percent", [1.0, 2.0], [0.0, 1.0], [[0.1, 0.2], [0.3, None]]),
    "distribution": lambda: figures.distribution({HOSTILE: [0.1, 0.2]}),
    "distances": lambda: figures.distances({HOSTILE: LEVELS, f"{HOSTILE} again": LEVELS}),
    "price_chart": lambda: price_charts.price_chart(
        Bars([0, 60_000], [100.0, 100.0], [102.0, 101.0], [98.0, 99.0], [100.0, 100.0]),
        100.0,
        [PriceLevels(name, STEPS) for name in (HOSTILE, f"{HOSTILE} again")],
        [Marks(HOSTILE, "circle", [60_000], [101.0], [HOSTILE])],
    ),
    "equity": lambda: figures.equity([Curve(HOSTILE, [0, 1], [0.0, 0.1], [0.0, 0.2])], ResultUnit.FIRST),
}
"""A drawing of each kind, with a hostile text wherever it takes one."""


class Parsed(HTMLParser):
    """What a browser would run or load of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def page() -> Parsed:
    table = ReportTable((HOSTILE,), ((HOSTILE,),))
    drawn = tuple(Figure(HOSTILE, draw(), HOSTILE) for draw in DRAWN.values())
    return Parsed(
        html_of(
            Page(
                HOSTILE,
                (Card(HOSTILE, HOSTILE, HOSTILE),),
                (HOSTILE,),
                (Section(HOSTILE, (HOSTILE,), (table, Folded(HOSTILE, table), *drawn)),),
            )
        )
    )


def test_a_report_runs_its_two_scripts_and_loads_nothing(page: Parsed) -> None:
    (_, _), (head, _), (tag, about) = page.elements[:3]
    assert (head, tag, about["http-equiv"]) == ("head", "meta", "Content-Security-Policy")
    allowed = dict(each.strip().split(" ", 1) for each in str(about["content"]).split(";"))
    assert allowed == {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{_hash(script)}'" for script in page.scripts),
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert len(page.scripts) == 2
    assert page.scripts[1].count("Plotly.newPlot(") == len(DRAWN)


def test_a_report_has_no_element_that_a_name_brought(page: Parsed) -> None:
    named = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "script",
        "body",
        "main",
        "h1",
        "h2",
        "p",
        "nav",
        "ol",
        "li",
    }
    named |= {"details", "summary", "header", "h3", "b", "strong", "small", "span"}
    named |= {"a", "section", "div", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"}
    assert {tag for tag, _ in page.elements} <= named
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"], tag
        assert (attributes.get("href") or "#").startswith("#")


def test_no_name_is_markup_to_the_chart_library() -> None:
    assert set(DRAWN) == {name for module in (figures, price_charts) for name in drawings_of(module)}
    for name, draw in DRAWN.items():
        texts = [text for text in _texts(msgspec.json.decode(draw().to_json())) if "alert" in text.lower()]
        assert texts or name == "surface", name  # its only text is a unit of ours
        assert not [text for text in texts if "<" in text or ">" in text or "&lt;b" in text.lower()], name


def drawings_of(module: ModuleType) -> Iterator[str]:
    """Yield the functions of a module that make a figure of data."""
    for name, each in inspect.getmembers(module, inspect.isfunction):
        if each.__module__ == module.__name__ and not name.startswith("_"):
            asked = inspect.signature(each)
            if asked.return_annotation is go.Figure and "drawing" not in asked.parameters:
                yield name


def _texts(node: object) -> Iterator[str]:
    match node:
        case str():
            yield node
        case list():
            for each in node:
                yield from _texts(each)
        case dict():
            for key, each in node.items():
                if key not in ("template", "hovertemplate"):  # our own
                    yield from _texts(each)


def _hash(script: str) -> str:
    return b64encode(sha256(script.encode()).digest()).decode()


RUN = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "  =1", '"=1', "＝1", "=cmd|' /C calc'!A0", "-")


@pytest.mark.parametrize("text", RUN)
def test_no_cell_is_run_by_a_spreadsheet_and_it_is_read_as_it_was(text: str) -> None:
    (cell,) = spreadsheet.row([text])
    assert str(cell).startswith("'")
    assert spreadsheet.read(str(cell)) == text


def test_a_text_that_is_split_at_another_separator_is_not_run_either() -> None:
    assert spreadsheet.row(["BTC;=1+1", "a\t@b"]) == ["BTC;'=1+1", "a\t'@b"]


def test_numbers_stay_numbers() -> None:
    numbers = [-1.5, -3, None, "-0.021717332990218829", "+4", "-1e-07", "-.5", "7"]
    assert spreadsheet.row(numbers) == numbers


@pytest.mark.parametrize("symbol", ["-BTCUSDT", "BTCUSDT"])
def test_what_was_exported_can_be_read_as_positions(tmp_path: Path, symbol: str) -> None:
    file = tmp_path / "positions.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("symbol", "side", "entry_price", "opened_at", "funding_rate"))
        rows.writerow(spreadsheet.row((symbol, "LONG", 100.0, "2026-01-01T00:00:00Z", "-0.0001")))

    (position,) = read_positions(str(file))

    assert (position.symbol, position.funding) == (symbol, -0.0001)


def test_no_exported_symbol_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXITBRAIN_STORE", "sqlite:///store.db")
    fields = {"symbol": "-BTCUSDT", "side": "BUY", "entry_price": "100", "quantity": "2"}
    lines = [
        {"stream": "quantum:stream:trade.intent", "fields": {**fields, "leverage": leverage}}
        for leverage in ("10", "20")
    ]
    Path("messages.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    assert run(["ingest", "messages.jsonl"]) == 0

    assert run(["audit", "lsf", "--csv", "changes.csv"]) == 0
    assert run(["whatif", "--policy", "v3.6", "--export", "pairs.csv"]) == 0

    for name, rows in (("changes.csv", 1), ("pairs.csv", 2)):
        with Path(name).open(encoding="utf-8", newline="") as file:
            found = [row["symbol"] for row in csv.DictReader(file)]
        assert found == ["'-BTCUSDT"] * rows
