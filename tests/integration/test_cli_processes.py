"""The command line as a user meets it: real processes, their streams and exit codes, and files that were tampered with."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exitbrain.infrastructure.cli.commands import VERBS
from exitbrain.infrastructure.cli.errors import LABORATORY
from tests.forked import completed, environment
from tests.own_time import LIVENESS_S, wait_until
from tests.unit.cli import messages

PROGRAM = [sys.executable, "-m", "exitbrain.infrastructure.cli.main"]

HEAVY = (
    "exitbrain.infrastructure.container",
    "exitbrain.infrastructure.settings",
    "dependency_injector",
    "binance",
    "pydantic_settings",
    "eventsourcing",
)
AT_START = (*HEAVY, "exitbrain.domain", "exitbrain.application", "msgspec", "pydantic", "redis", "rich")


def exitbrain(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return completed(list(arguments), folder, environment(**settings))


def loaded_after(commands: list[list[str]], modules: tuple[str, ...]) -> list[str]:
    """Return which modules a fresh interpreter holds after running commands."""
    program = (
        "import sys; from exitbrain.infrastructure.cli.main import run\n"
        f"codes = [run(arguments) for arguments in {commands!r}]\n"
        "assert not any(codes), codes\n"
        f"print('loaded', *[name for name in {modules!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIVENESS_S,
        check=True,
    )
    return ended.stdout.splitlines()[-1].split()[1:]


def test_help_loads_nothing_but_the_parser() -> None:
    assert loaded_after([["--help"]], AT_START) == []


def test_help_of_a_command_needs_neither_the_laboratory_nor_the_container() -> None:
    asked = [[name, "--help"] for name in VERBS]

    assert loaded_after(asked, (*LABORATORY, "exitbrain.infrastructure.container")) == []


def test_levels_of_given_inputs_never_load_the_store() -> None:
    asked = [["levels", "--leverage", "20"], ["explain", "--leverage", "20"], ["version"], ["--help"]]

    assert loaded_after(asked, HEAVY) == []


class Store:
    """The 22 recorded messages in an SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "t.db"

    def run(self, *arguments: str) -> tuple[int, Any]:
        """Run a command on the store; return its exit code and its report."""
        ended = exitbrain(self.folder, *arguments, "--store", "sqlite:///t.db", "--json")
        assert ended.stderr == ""
        return ended.returncode, json.loads(ended.stdout)

    def alter(self, topic: str, before: str, after: str) -> None:
        """Change stored text of the first event of a topic that holds it, past every check."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            rows = connection.execute(
                "SELECT rowid, state FROM stored_events WHERE topic = ?", [topic]
            ).fetchall()
            row, state = next((row, state) for row, state in rows if before.encode() in state)
            changed = state.replace(before.encode(), after.encode(), 1)
            connection.execute("UPDATE stored_events SET state = ? WHERE rowid = ?", [changed, row])


@pytest.fixture
def recorded(shared_data: Path, tmp_path: Path) -> Store:
    store = Store(tmp_path)
    code, report = store.run("ingest", str(shared_data / "intents" / "trade-intent.jsonl"))
    assert code == 0
    assert (report["read"], report["accepted"], report["decisions"]) == (22, 22, 21)
    return store


def test_the_recorded_messages_replay_exactly_in_all_three_ways(recorded: Store) -> None:
    for flags in ([], ["--from-receipts"], ["--context"]):
        code, report = recorded.run("replay", *flags)

        assert code == 0
        assert (report["decisions"], report["exact"], report["first_drift"]) == (21, 21, None)

    assert report.keys() == {
        "decisions",
        "exact",
        "drift",
        "unknown_policy",
        "unreadable",
        "first_drift",
        "seconds",
        "register",
    }


def test_a_changed_digit_of_an_output_makes_replay_name_decision_and_field(recorded: Store) -> None:
    recorded.alter("exitbrain.LevelsComputed", '"tp2":1.3236239896548674', '"tp2":1.3236239896548694')

    code, report = recorded.run("replay")
    _, found = recorded.run("positions", "--symbol", "ETHUSDT")
    decision_id = found["positions"][0]["decision"]["decision_id"]

    assert code == 1
    assert (report["exact"], report["drift"]) == (20, 1)
    assert report["first_drift"] == {
        "decision_id": decision_id,
        "field": "levels.raw.tp2",
        "recorded": "1.3236239896548694",
        "recomputed": "1.3236239896548674",
    }
    code, explained = recorded.run("explain", decision_id)
    assert code == 1
    assert explained["recorded"]["first_drift"] == report["first_drift"]


def test_a_store_of_a_newer_format_is_refused_and_stays_as_it_was(recorded: Store) -> None:
    recorded.alter("exitbrain.StoreOpened", '"format":2', '"format":9')
    before = recorded.file.read_bytes()

    ended = exitbrain(recorded.folder, "replay", "--store", "sqlite:///t.db")

    assert (ended.returncode, ended.stdout) == (3, "")
    assert "format 9" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert recorded.file.read_bytes() == before
    assert [file.name for file in recorded.folder.iterdir()] == ["t.db"]


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (["replay", "--store", "sqlite:///new.db"], {}, 3, "new.db does not exist"),
        (["ingest", "nowhere.jsonl", "--store", "sqlite:///new.db"], {}, 3, "nowhere.jsonl cannot be read"),
        (["replay", "--store", "sqlite:///text.db"], {}, 3, "text.db cannot be read"),
        (["replay"], {"EXITBRAIN_FEE_BPS": "much"}, 2, "setting FEE_BPS is 'much'"),
        (["replay", "--store", "foo://x"], {}, 2, "store 'foo' is not known; allowed: sqlite:///PATH"),
        (["ingest", "text.db", "--policy", "v9"], {}, 2, "policy 'v9' is not known; known: v3.5"),
        (["ingest", "text.db", "--instruments", "no.json"], {}, 3, "no.json cannot be read"),
    ],
)
def test_what_can_not_be_used_is_one_sentence_and_begins_no_store(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], code: int, said: str
) -> None:
    # No store, and a file that `ingest` takes for one of messages.
    (tmp_path / "text.db").write_text("{}\n" + "not a store, only some text " * 9, encoding="utf-8")

    ended = exitbrain(tmp_path, *arguments, **settings)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["text.db"]


def test_an_empty_setting_is_as_if_it_were_absent(tmp_path: Path) -> None:
    messages.write(tmp_path / "story.jsonl", messages.story())
    empty = {f"EXITBRAIN_{name}": "" for name in ("STORE", "POLICY", "INSTRUMENTS", "ACCOUNT")}

    ended = exitbrain(tmp_path, "ingest", "story.jsonl", "--json", **empty)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "exitbrain.db").exists()


def test_processes_that_begin_the_same_store_at_once_all_succeed(tmp_path: Path) -> None:
    messages.write(tmp_path / "story.jsonl", messages.story())
    processes = [
        subprocess.Popen(
            [*PROGRAM, "ingest", "story.jsonl", "--store", "sqlite:///t.db", "--json"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=LIVENESS_S) for process in processes]

    assert [stderr for _, stderr in ended] == ["", "", ""]
    reports = [json.loads(stdout) for stdout, _ in ended]
    assert sum(report["duplicate"] for report in reports) == 2 * len(messages.story())


def test_ctrl_c_leaves_whole_batches_and_one_line(tmp_path: Path) -> None:
    lines = [messages.intent(number, f"C{number}USDT", "BUY") for number in range(5)]
    with subprocess.Popen(
        [*PROGRAM, "ingest", "-", "--batch", "2", "--policy", "v3.6", "--store", "sqlite:///t.db"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as ingest:
        assert ingest.stdin is not None
        ingest.stdin.write("".join(f"{line}\n" for line in lines))
        ingest.stdin.flush()
        wait_for_receipts(tmp_path / "t.db", 4)
        ingest.send_signal(signal.SIGINT)
        ingest.wait(LIVENESS_S)  # with its input open: an end of input would end it too
        stdout, stderr = ingest.communicate(timeout=LIVENESS_S)

    assert (ingest.returncode, stdout) == (130, "")
    # The last batch may have been committed and not yet counted.
    assert re.fullmatch(
        r"exitbrain: interrupted after [24] messages; complete batches stay recorded; .*\n", stderr
    )
    assert receipts(tmp_path / "t.db") == 4


def test_a_reader_that_goes_away_is_no_failure_to_talk_about(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "policy", "diff", "v3.5", "v3.6"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as diff:
        assert diff.stdout is not None
        diff.stdout.close()
        _, stderr = diff.communicate(timeout=LIVENESS_S)

    assert (diff.returncode, stderr) == (141, b"")


def receipts(file: Path) -> int:
    """Return how many receipts an SQLite store holds; 0 while it is being made."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM stored_events WHERE topic = 'exitbrain.MessageReceived'"
            ).fetchone()
    except sqlite3.OperationalError:
        return 0
    return int(count)


def wait_for_receipts(file: Path, count: int) -> None:
    wait_until(lambda: receipts(file) >= count, lambda: f"{receipts(file)} of {count} receipts")
