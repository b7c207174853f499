"""Failures: one sentence on stderr and an exit code that scripts can rely on."""

import pytest

from exitbrain.application.ports.exit_ledger import (
    BadStoreUrl,
    Conflict,
    NoStore,
    StoreUnavailable,
    UnreadableEvent,
)
from exitbrain.application.queries.lookup import Ambiguous, NotFound
from exitbrain.application.recording.opening import PolicyNotInForce
from exitbrain.application.recording.policy_check import AlteredPolicy, ChangedFormula
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.infrastructure.cli.errors import Interrupted, WrongUsage, exit_code_of, sentence_of
from exitbrain.infrastructure.instruments.file import InstrumentsUnreadable
from exitbrain.infrastructure.reasons import ReasonsUnreadable
from exitbrain.infrastructure.settings import SettingsError
from exitbrain.infrastructure.wire.jsonl import InputUnreadable
from tests.unit.cli.conftest import Exitbrain


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WrongUsage("x"), 2),
        (InvalidValue("leverage", 200.0, "1 to 125"), 2),
        (UnknownPolicy("v9", ("v3.5",)), 2),
        (PolicyNotInForce("x"), 2),
        (SettingsError("x"), 2),
        (Ambiguous("x"), 2),
        (BadStoreUrl("x"), 2),
        (NoStore("x"), 3),
        (StoreUnavailable("x"), 3),
        (Conflict("x"), 3),
        (UnreadableEvent(7, "topic", "damaged"), 3),
        (AlteredPolicy("x"), 3),
        (ChangedFormula("x"), 3),
        (NotFound("x"), 3),
        (InputUnreadable("x"), 3),
        (InstrumentsUnreadable("x"), 3),
        (ReasonsUnreadable("x"), 3),
        (PermissionError(13, "Permission denied", "lsf.csv"), 3),
        (Interrupted("x"), 130),
        (ZeroDivisionError("x"), None),
    ],
)
def test_every_expected_failure_has_its_exit_code(error: Exception, code: int | None) -> None:
    assert exit_code_of(error) == code


def test_a_sentence_is_one_line_without_control_characters() -> None:
    assert sentence_of(StoreUnavailable("a\n b\x1b[2J")) == "a b\\x1b[2J"


def test_a_failing_file_is_named() -> None:
    assert (
        sentence_of(PermissionError(13, "Permission denied", "lsf.csv"))
        == "lsf.csv failed: Permission denied"
    )


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["levels", "--nonsense"], ["audit"], ["receipt"], ["levels", "--leverage", "x"]],
)
def test_wrong_usage_points_to_the_help(exitbrain: Exitbrain, arguments: list[str]) -> None:
    ended = exitbrain(*arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "--help" in ended.stderr


def test_an_unexpected_failure_is_one_sentence_and_a_traceback_on_request(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr("exitbrain.infrastructure.cli.output.show", broken)
    quiet = exitbrain("version")
    monkeypatch.setenv("EXITBRAIN_DEBUG", "1")
    loud = exitbrain("version")

    assert quiet == (
        3,
        "",
        "exitbrain: unexpected ZeroDivisionError: by nothing; EXITBRAIN_DEBUG=1 shows where it happened\n",
    )
    assert loud.code == 3
    assert "Traceback" in loud.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["levels", "--leverage", "x"], "--leverage is 'x'; allowed: a valid number"),
        (["ingest", "f.jsonl", "--batch", "1.5"], "--batch is '1.5'; allowed: a valid integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_flag(
    exitbrain: Exitbrain, arguments: list[str], sentence: str
) -> None:
    ended = exitbrain(*arguments)

    assert ended == (2, "", f"exitbrain: {sentence}; see exitbrain {arguments[0]} --help\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ingest", "f.jsonl", "--batch", "0"], "--batch is 0; allowed: 1 to 10000"),
        (["audit", "lsf", "--format", "xml"], "--format is 'xml'; allowed: table or csv"),
        (
            ["replay", "--since", "2026-02-01", "--until", "2026-02-01"],
            "--until is '2026-02-01'; allowed: a time after --since, which is 2026-02-01",
        ),
        (
            ["replay", "--until", "tomorrow"],
            "--until is 'tomorrow'; allowed: a time in ISO 8601, like 2026-01-31 or 2026-01-31T12:00:00Z",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_flag(
    exitbrain: Exitbrain, arguments: list[str], sentence: str
) -> None:
    assert exitbrain(*arguments) == (2, "", f"exitbrain: {sentence}\n")


def test_a_database_that_does_not_answer_is_named_with_its_port_and_without_its_password(
    exitbrain: Exitbrain,
) -> None:
    ended = exitbrain("replay", "--store", "postgresql://me:hidden@127.0.0.1:1/x")

    assert ended.code == 3
    assert ended.stderr.startswith("exitbrain: store postgresql://127.0.0.1:1/x cannot be read: ")
    assert "hidden" not in ended.stderr
