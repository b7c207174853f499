"""The commands that work on a store: what they take in, replay, audit and look up."""

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exitbrain.domain.policies.formulas.registry import V3_5
from exitbrain.domain.values import changed
from tests.unit.cli import messages
from tests.unit.cli.conftest import Ended, Exitbrain

BTC_ENTRY = f"{messages.FIRST_MS + 1000}-0"


@pytest.fixture
def ingested(exitbrain: Exitbrain) -> Ended:
    """What ingesting the story into the default store printed."""
    messages.write(Path("story.jsonl"), messages.story())
    return exitbrain("ingest", "story.jsonl", "--json")


@pytest.fixture
def stored(exitbrain: Exitbrain, ingested: Ended) -> Exitbrain:
    """Commands in a folder whose default store holds the story."""
    assert ingested.code == 0
    return exitbrain


def positions(stored: Exitbrain) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stored("positions", "--all", "--json").report["positions"]
    return found


def test_ingest_counts_every_message_once(ingested: Ended) -> None:
    report = ingested.report

    assert {
        key: report[key] for key in ("read", "accepted", "ignored", "refused", "duplicate", "decisions")
    } == {
        "read": 7,
        "accepted": 4,
        "ignored": 1,
        "refused": 2,
        "duplicate": 0,
        "decisions": 3,
    }
    assert [refusal["reason"].partition(":")[0] for refusal in report["refusals"]] == [
        "LEVERAGE_OUT_OF_RANGE",
        "NOT_DECODABLE",
    ]


def test_ingesting_again_changes_nothing(stored: Exitbrain) -> None:
    again = stored("ingest", "story.jsonl", "--json").report

    assert (again["read"], again["duplicate"], again["refused"], again["decisions"]) == (7, 7, 0, 0)


def test_what_stands_refused_is_listed_again_when_it_is_taken_again(
    stored: Exitbrain, ingested: Ended
) -> None:
    assert stored("ingest", "story.jsonl", "--json").report["refusals"] == ingested.report["refusals"]

    last = stored("ingest", "story.jsonl").stdout.splitlines()[-1]

    assert last.startswith("2 refused, now or before: exitbrain receipt ")


def test_appended_lines_add_only_themselves_whatever_the_batch(stored: Exitbrain) -> None:
    messages.write(Path("story.jsonl"), [*messages.story(), messages.intent(8, "SOLUSDT", "BUY")])

    again = stored("ingest", "story.jsonl", "--batch", "2", "--json").report

    assert (again["accepted"], again["duplicate"], again["decisions"]) == (1, 7, 1)


def test_refusals_are_shown_to_people(exitbrain: Exitbrain) -> None:
    broken = [f"broken {number}" for number in range(25)]
    messages.write(Path("broken.jsonl"), [messages.intent(1, "BTCUSDT", "BUY"), *broken])

    text = exitbrain("ingest", "broken.jsonl").stdout

    assert text.startswith("26 read: 1 accepted, 0 ignored, 25 refused, 0 duplicate; 1 decisions.\n")
    assert text.count("NOT_DECODABLE") == 20
    last = text.splitlines()[-1]
    assert last.startswith("25 refused, 20 of them shown: exitbrain receipt ")
    assert last.endswith(" shows the first with its fields, --json lists all")


@pytest.mark.parametrize("flags", [(), ("--store", "sqlite:///with a space.db")])
def test_the_last_line_of_a_report_is_a_command_that_shows_a_refusal(
    exitbrain: Exitbrain, flags: tuple[str, ...]
) -> None:
    messages.write(Path("one.jsonl"), ["not JSON", messages.intent(1, "BTCUSDT", "BUY")])
    last = exitbrain("ingest", "one.jsonl", *flags).stdout.splitlines()[-1]

    command = shlex.split(last.partition("exitbrain ")[2].partition(" shows ")[0])
    shown = exitbrain(*command)

    assert last.startswith("1 refused: ")
    assert shown.code == 0
    assert shown.stdout.startswith("REFUSED NOT_DECODABLE")
    assert "line: not JSON" in shown.stdout


def test_a_store_in_memory_is_gone_when_its_refusals_are_told(exitbrain: Exitbrain) -> None:
    messages.write(Path("one.jsonl"), ["not JSON", messages.intent(1, "BTCUSDT", "BUY")])

    last = exitbrain("ingest", "one.jsonl", "--store", "memory://").stdout.splitlines()[-1]

    assert last == "1 refused: --json lists all"


def test_settings_of_the_command_line_reach_the_record(exitbrain: Exitbrain) -> None:
    messages.write(Path("one.jsonl"), [messages.intent(1, "BTCUSDT", "BUY")])
    exitbrain("ingest", "one.jsonl", "--policy", "v3.6", "--account", "second")

    (position,) = positions(exitbrain)

    assert (position["account"], position["decision"]["policy"]) == ("second", "v3.6")


@pytest.mark.parametrize(
    ("flags", "counts"),
    [
        ([], (3, 3, None)),
        (["--from-receipts"], (3, 3, 7)),
        (["--context"], (3, 3, None)),
        (["--from-receipts", "--context"], (6, 6, 7)),
        (["--symbol", "ethusdt"], (1, 1, None)),
        (["--since", "2026-01-01T12:00:03Z"], (1, 1, None)),
        (["--until", "2026-01-01T14:00:03+02:00"], (2, 2, None)),
        (["--since", "2027-01-01"], (0, 0, None)),
    ],
)
def test_every_replay_is_exact(
    stored: Exitbrain, flags: list[str], counts: tuple[int, int, int | None]
) -> None:
    ended = stored("replay", *flags, "--json")

    report = ended.report
    assert ended.code == 0
    assert (report["decisions"], report["exact"], report.get("receipts_exact")) == counts
    assert report["first_drift"] is None
    assert {"drift", "unknown_policy", "unreadable", "seconds"} <= set(report)


def test_an_empty_store_has_nothing_to_replay_and_says_so(exitbrain: Exitbrain) -> None:
    messages.write(Path("nothing.jsonl"), [])
    exitbrain("ingest", "nothing.jsonl")

    ended = exitbrain("replay")

    assert ended.code == 0
    assert "no decisions, nothing to replay" in ended.stdout


def test_a_selection_is_for_decisions_alone(stored: Exitbrain) -> None:
    assert stored("replay", "--context", "--symbol", "BTCUSDT").code == 2


def test_positions_are_the_open_ones_unless_all_are_asked_for(stored: Exitbrain) -> None:
    only_open = stored("positions", "--json").report["positions"]

    assert [(position["symbol"], position["state"]) for position in only_open] == [("ETHUSDT", "open")]
    assert [(position["symbol"], position["state"]) for position in positions(stored)] == [
        ("BTCUSDT", "closed"),
        ("ETHUSDT", "open"),
    ]


def test_a_closed_position_tells_how_it_ended(stored: Exitbrain) -> None:
    btc = positions(stored)[0]

    assert (btc["leverage"], btc["quantity"], btc["pnl_percent"]) == (20.0, "4", "-0.7")
    assert btc["decision"]["revision"] == 2
    assert btc["closed_at"] == "2026-01-01T12:00:04Z"


def test_what_a_message_holds_does_not_steer_the_terminal(stored: Exitbrain) -> None:
    printed = [
        stored("positions", "--all").stdout,
        stored("plan", positions(stored)[0]["plan_id"]).stdout,
        stored("receipt", f"{messages.FIRST_MS + 4000}-0").stdout,
    ]

    assert all("hit" in text and "\x1b" not in text for text in printed)


def test_the_history_of_a_plan_holds_its_position_in_log_order(stored: Exitbrain) -> None:
    btc = positions(stored)[0]

    by_plan = stored("plan", btc["plan_id"][:8], "--json").report
    by_position = stored("plan", btc["position_id"], "--json").report

    assert by_plan == by_position
    assert [event["event"] for event in by_plan["events"]] == [
        "PositionOpened",
        "ExitPlanOpened",
        "LevelsComputed",
        "LeverageChanged",
        "PositionIncreased",
        "LevelsComputed",
        "PositionClosed",
        "ExitPlanCompleted",
    ]
    assert [event["log_position"] for event in by_plan["events"]] == sorted(
        event["log_position"] for event in by_plan["events"]
    )
    assert by_plan["state"] == "completed"


def test_a_recorded_decision_is_explained_and_compared_with_its_record(stored: Exitbrain) -> None:
    decision = positions(stored)[0]["decision"]

    ended = stored("explain", decision["decision_id"][:8], "--json")

    assert ended.code == 0
    assert ended.report["recorded"]["verdict"] == "EXACT"
    assert ended.report["recorded"]["decision_id"] == decision["decision_id"]
    assert ended.report["tp1"] == decision["tp1"]
    assert "EXACT" in stored("explain", decision["decision_id"]).stdout


def test_a_receipt_shows_the_message_and_what_it_led_to(stored: Exitbrain) -> None:
    report = stored("receipt", BTC_ENTRY, "--json").report

    assert (report["outcome"], report["origin"], report["fields"]["side"]) == ("ACCEPTED", "IMPORT", "BUY")
    assert [effect["event"] for effect in report["effects"]] == [
        "PositionOpened",
        "ExitPlanOpened",
        "LevelsComputed",
    ]
    assert stored("receipt", report["receipt_id"], "--json").report == report


def test_the_receipt_of_a_refused_line_is_found_by_the_beginning_of_its_hash(
    stored: Exitbrain, ingested: Ended
) -> None:
    entry = ingested.report["refusals"][1]["entry"]

    report = stored("receipt", entry[:12], "--json").report

    assert (report["entry_id"], report["outcome"], report["reason"]) == (entry, "REFUSED", "NOT_DECODABLE")
    assert report["fields"] == {"line": "not JSON"}
    assert report["effects"] == []


def test_a_receipt_says_why_its_message_was_refused(stored: Exitbrain) -> None:
    report = stored("receipt", f"{messages.FIRST_MS + 5000}-0", "--stream", "trade.intent", "--json").report

    assert (report["outcome"], report["reason"]) == ("REFUSED", "LEVERAGE_OUT_OF_RANGE")
    assert report["refusal"] == {"field": "leverage", "value": "500", "allowed": "a number from 1 to 125"}


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["receipt", "999-9"], 3, "no receipt '999-9'"),
        (["receipt", str(messages.FIRST_MS)[:4]], 2, "fits 6"),
        (["receipt", BTC_ENTRY, "--stream", "trade.closed"], 3, "no receipt"),
        (["plan", "zzzz"], 3, "no plan or position 'zzzz'"),
        (["explain", "zzzz"], 3, "no decision, plan, position, receipt or entry 'zzzz'"),
        (["plan", ""], 2, "fits 2"),
    ],
)
def test_what_is_not_there_or_not_unique_is_said(
    stored: Exitbrain, command: list[str], code: int, said: str
) -> None:
    ended = stored(*command)

    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_policies_are_those_of_the_store_at_the_default_place(stored: Exitbrain) -> None:
    assert stored("policy", "list", "--json").report["source"] == "of store sqlite:///exitbrain.db"


def test_policies_without_a_store_are_the_shipped_ones(exitbrain: Exitbrain) -> None:
    report = exitbrain("policy", "list", "--json").report

    assert report["source"] == "shipped with this version"
    assert {policy["name"]: policy["active"] for policy in report["policies"]} == {
        "v3.5": ["*"],
        "v3.5-fraction": [],
        "v3.6": [],
    }
    assert not Path("exitbrain.db").exists()


def test_a_policy_is_shown_with_all_its_parameters(exitbrain: Exitbrain) -> None:
    policy = exitbrain("policy", "show", "v3.6", "--json").report["policy"]

    assert (policy["formula"], policy["unit"], policy["parameters"]["spacing"]) == (
        "lsf-3.6",
        "fraction",
        1.1,
    )
    assert "spacing = 1.1" in exitbrain("policy", "show", "v3.6").stdout


def test_two_policies_differ_in_what_is_listed_and_in_their_levels(exitbrain: Exitbrain) -> None:
    report = exitbrain("policy", "diff", "v3.5", "v3.5-fraction", "--json").report

    assert {one["name"]: (one["a"], one["b"]) for one in report["differences"]} == {
        "unit": ("percent", "fraction"),
        "ignores": ("divergence, funding", ""),
        "base_tp": (1.0, 0.01),
        "base_sl": (0.5, 0.005),
    }
    at_20 = next(sample for sample in report["samples"] if sample["leverage"] == 20.0)
    assert (at_20["a"]["sl"], round(at_20["b"]["sl"], 4)) == (0.0002, 0.0096)
    assert (
        exitbrain("policy", "diff", "v3.5", "v3.5").stdout
        == "v3.5 and v3.5 are the same except for the name.\n"
    )


def test_doctor_masks_secrets_and_reports_what_it_can_not_reach(
    stored: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_REDIS", "redis://me:hidden@127.0.0.1:1/0")

    ended = stored("doctor", "--json")

    checks = {check["name"]: check for check in ended.report["checks"]}
    assert ended.code == 3
    assert (checks["store"]["ok"], checks["redis"]["ok"], checks["instruments"]["ok"]) == (True, False, None)
    assert "format 2, id " in checks["store"]["detail"]
    assert ", epoch 1, " in checks["store"]["detail"]
    assert ended.report["settings"]["redis"] == "redis://me:***@127.0.0.1:1/0"
    assert "hidden" not in ended.stdout + stored("doctor").stdout


def test_doctor_names_a_variable_that_is_no_setting_and_the_one_it_may_have_meant(
    stored: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_TEST_DATA", "not a setting of the program, and no mistake")
    assert "✔ names: every EXITBRAIN_* variable is a setting" in stored("doctor").stdout

    monkeypatch.setenv("EXITBRAIN_FEE_BSP", "3")
    Path(".env").write_text("EXITBRAIN_ZZZ=1\nEXITBRAIN_ACCOUNT=main\n")

    checks = {check["name"]: check for check in stored("doctor", "--json").report["checks"]}
    said = "no setting, and without effect: EXITBRAIN_FEE_BSP (meant EXITBRAIN_FEE_BPS?), EXITBRAIN_ZZZ"
    assert (checks["names"]["ok"], checks["names"]["detail"]) == (False, said)


@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("EXITBRAIN_STORE", "sqlite:///nowhere.db", 3),
        ("EXITBRAIN_STORE", "nowhere", 2),
        ("EXITBRAIN_INSTRUMENTS", "nowhere.json", 3),
        ("EXITBRAIN_REDIS", "redis://127.0.0.1:1/0", 3),
        ("EXITBRAIN_REDIS", "nowhere", 2),
    ],
)
def test_doctor_fails_when_something_that_was_set_can_not_be_read(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, code: int
) -> None:
    monkeypatch.setenv(setting, value)

    assert exitbrain("doctor").code == code


def test_a_redis_named_with_a_flag_wins_over_the_settings_also_for_doctor(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_REDIS", "redis://127.0.0.1:1/0")

    ended = exitbrain("doctor", "--redis", "redis://127.0.0.1:2/0")

    assert ended.code == 3
    assert "redis: redis://127.0.0.1:2/0: Redis is not available: " in ended.stdout


def test_doctor_finds_nothing_wrong_with_what_nobody_named_and_is_not_there_yet(exitbrain: Exitbrain) -> None:
    ended = exitbrain("doctor")

    assert ended.code == 0
    assert "does not exist yet" in ended.stdout
    assert not Path("exitbrain.db").exists()


def test_a_policy_in_force_that_this_version_can_not_compute_makes_the_store_unreadable(
    stored: Exitbrain,
) -> None:
    newer = changed(V3_5, formula="lsf-9.9")
    with closing(sqlite3.connect("exitbrain.db")) as connection, connection:
        connection.execute(
            "UPDATE stored_events SET state = CAST(replace(replace(CAST(state AS TEXT), 'lsf-3.5', 'lsf-9.9'), ?, ?)"
            " AS BLOB) WHERE topic = 'exitbrain.PolicyRegistered' AND instr(CAST(state AS TEXT), ?)",
            [V3_5.parameters_hash, newer.parameters_hash, V3_5.parameters_hash],
        )

    ended = stored("replay")

    assert ended.code == 3
    assert "cannot be worked on: policy 'lsf-9.9' is not known" in ended.stderr


def test_a_policy_that_was_asked_for_and_is_not_known_is_wrong_usage(exitbrain: Exitbrain) -> None:
    messages.write(Path("one.jsonl"), [messages.intent(1, "BTCUSDT", "BUY")])

    ended = exitbrain("ingest", "one.jsonl", "--policy", "v9", "--store", "memory://")

    assert (ended.code, ended.stdout) == (2, "")
    assert "known: v3.5, v3.5-fraction, v3.6" in ended.stderr
