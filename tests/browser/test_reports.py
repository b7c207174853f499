"""Reports in a real browser: nothing is asked for, nothing is said on the console, no label covers another."""

from pathlib import Path

import pytest

from exitbrain.infrastructure.cli.main import run
from tests.browser.chromium import Chromium

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def pages(program: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the reports of the examples, if there is a browser: a what-if on candles, and a simulation."""
    folder = tmp_path_factory.mktemp("reports")
    store = ("--store", f"sqlite:///{folder / 'example.db'}")
    candles = ("--candles", str(EXAMPLES / "candles"))
    asked = {
        "on_candles": ("whatif", "--policy", "v3.6", *candles, *store),
        "simulation": ("simulate", "--positions", str(EXAMPLES / "positions.jsonl"), *candles),
    }
    ran("ingest", str(EXAMPLES / "messages.jsonl"), *store)
    for name, words in asked.items():
        ran(*words, "--report", str(folder / f"{name}.html"))
    return {name: folder / f"{name}.html" for name in asked}


def ran(*words: str) -> None:
    assert run(words) == 0


@pytest.mark.parametrize(
    ("name", "width"), [("on_candles", 1366), ("on_candles", 360), ("simulation", 1366), ("simulation", 360)]
)
def test_a_report_is_whole_and_quiet(
    name: str, width: int, pages: dict[str, Path], browser: Chromium
) -> None:
    shown = browser.show(pages[name], width)

    assert shown.width == width
    assert shown.plots > 0
    assert (shown.collisions, shown.beyond, shown.loaded, shown.console) == ([], 0, [], [])


def test_a_report_prints_quietly(pages: dict[str, Path], browser: Chromium, tmp_path: Path) -> None:
    assert browser.print(pages["on_candles"], tmp_path / "page.pdf") == []
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_a_page_that_collides_asks_and_complains_is_noticed(
    pages: dict[str, Path], browser: Chromium, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    text = pages["on_candles"].read_text(encoding="utf-8")
    text = text.replace(
        "</style>", ".xtick text { font-size: 90px !important; } h1 { width: 5000px; }</style>", 1
    )
    broken.write_text(text.replace("</main>", "<script>alert(1)</script></main>"), encoding="utf-8")

    shown = browser.show(broken, 1366)

    assert shown.beyond > 0
    assert any("covers" in each for each in shown.collisions)
    assert any("Content Security Policy" in each for each in shown.console)
