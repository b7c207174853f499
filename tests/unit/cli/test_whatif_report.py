"""`whatif --report`: the page that is written, with and without candles, and what is said where none can be."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exitbrain.domain.levels.guard_rules import GUARDS
from tests.unit.cli.conftest import Exitbrain
from tests.unit.cli.messages import FIRST_MS, intent, write

MINUTE = 60_000
T0 = FIRST_MS // MINUTE * MINUTE

WHATIF = ("whatif", "--policy", "v3.6")


@pytest.fixture
def recorded(tmp_path: Path, exitbrain: Exitbrain) -> Exitbrain:
    """Three recorded positions; one market touches everything in its third minute, of the others there is none."""
    write(
        tmp_path / "messages.jsonl",
        [intent(1, "BTCUSDT", "BUY"), intent(2, "QQQUSDT", "SELL"), intent(3, "XRPUSDT", "BUY")],
    )
    calm, wild = "100,100.01,99.99,100", "100,103,97,100"
    lines = [f"{T0 + number * MINUTE},{row}" for number, row in enumerate([calm, calm, wild, calm])]
    (tmp_path / "candles").mkdir()
    text = "\n".join(["open_time_ms,open,high,low,close", *lines]) + "\n"
    (tmp_path / "candles" / "BTCUSDT.csv").write_text(text)
    assert exitbrain("ingest", "messages.jsonl").code == 0
    return exitbrain


def page_without_scripts(name: str = "report.html") -> str:
    return re.sub(r"<script\b.*?</script>", "", Path(name).read_text(encoding="utf-8"), flags=re.DOTALL)


def sections(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_a_page_is_written_beside_what_is_printed(recorded: Exitbrain) -> None:
    ended = recorded(*WHATIF, "--json", "--report", "report.html")

    assert ended.code == 0
    assert ended.report["decisions"] == 3
    assert ended.stderr == "Report: report.html\n"
    page = page_without_scripts()
    assert sections(page) == [
        "What would have changed",
        "Guards before and after",
        "The policy over leverage and volatility",
    ]
    assert "What v3.6 would have done" in page
    assert "3 of 3 recorded decisions would have been different." in page
    assert "Verdict" not in page


def test_the_guard_table_holds_the_counts_of_the_json_report(recorded: Exitbrain) -> None:
    report = recorded(*WHATIF, "--json", "--report", "report.html").report

    page = page_without_scripts()
    for guard in GUARDS:
        before, after = report["guards"]["before"][guard], report["guards"]["after"][guard]
        cells = (
            f"<td class=number>{before[count]} → {after[count]}</td>"
            for count in ("passed", "failed", "unknown")
        )
        assert f"<tr><td>{guard}</td>{''.join(cells)}</tr>" in page


def test_the_ladders_that_changed_most_are_drawn_under_the_names_of_both_policies(
    recorded: Exitbrain,
) -> None:
    recorded(*WHATIF, "--report", "report.html")

    page = Path("report.html").read_text(encoding="utf-8")
    assert "ladder before and after" in page
    assert '"x":["v3.5","v3.5","v3.5","v3.5"]' in page.replace(" ", "")
    assert '"x":["v3.6","v3.6","v3.6","v3.6"]' in page.replace(" ", "")


def test_with_candles_the_page_tells_what_positions_came_to_and_judges_it(recorded: Exitbrain) -> None:
    outcome = recorded(
        *WHATIF, "--candles", "candles", "--report", "report.html", "--seed", "7", "--json"
    ).report["outcome"]

    page = page_without_scripts()
    assert sections(page)[:3] == [
        "Results over time",
        "Results on candles",
        "Slippage",
    ]
    assert outcome["judgement"]["reason"] == "too_few_days"
    assert "Verdict, judged in committed: inconclusive (too few days)." in page
    assert "Days of entry: 1, effective: 1.0;" in page
    assert "seed 7" in page
    assert "<td>XRPUSDT</td>" in page.partition("<summary>Positions left out: 2</summary>")[2]
    assert f"{100 * outcome['difference']['lower']:.4g} %" in page


def test_a_symbol_with_markup_in_it_stays_text(recorded: Exitbrain) -> None:
    with closing(sqlite3.connect("exitbrain.db")) as connection, connection:  # no message brings it in
        changed = "CAST(replace(CAST(state AS TEXT), 'QQQUSDT', '<B>USDT') AS BLOB)"
        connection.execute(f"UPDATE stored_events SET state = {changed}")  # noqa: S608 - a text of ours
    recorded(*WHATIF, "--candles", "candles", "--report", "report.html")

    assert "<td>&lt;B&gt;USDT</td>" in page_without_scripts()
    assert "<B>USDT" not in Path("report.html").read_text(encoding="utf-8")


def test_another_baseline_is_named_where_results_are_compared(recorded: Exitbrain) -> None:
    recorded(*WHATIF, "--candles", "candles", "--baseline", "v3.5-fraction", "--report", "report.html")

    assert "On the candles it differs from v3.5-fraction by" in page_without_scripts()


def test_the_same_run_writes_the_same_bytes(recorded: Exitbrain) -> None:
    for name in ("one.html", "two.html"):
        recorded(*WHATIF, "--candles", "candles", "--report", name)

    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()


def test_a_report_and_an_export_are_written_in_one_run(recorded: Exitbrain) -> None:
    assert recorded(*WHATIF, "--export", "pairs.csv", "--report", "report.html").code == 0

    assert len(Path("pairs.csv").read_text().splitlines()) == 1 + 3
    assert "3 of 3 recorded decisions" in page_without_scripts()


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (("--report", "report.html", "--sweep", "base_sl=0.004:0.006:0.001"), 2, "leave out --sweep"),
        (("--report", "nowhere/report.html"), 3, "nowhere/report.html"),
        (("--report", "report.html", "--lane", "columnar"), 3, "pairs are made row by row"),
        (("--report", "report.html", "--candles", "nowhere"), 3, "nowhere does not exist"),
    ],
)
def test_what_can_not_be_reported_is_one_sentence_and_leaves_no_page(
    flags: tuple[str, ...], code: int, says: str, recorded: Exitbrain
) -> None:
    ended = recorded(*WHATIF, *flags)

    assert ended.code == code
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert list(Path().glob("*.html*")) == []
