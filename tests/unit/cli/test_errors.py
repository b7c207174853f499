"""Failures: one sentence on stderr and an exit code that scripts can rely on."""

import pytest

from exitbrain.application.lookup import Ambiguous, NotFound
from exitbrain.application.opening import ChangedFormula, PolicyNotInForce
from exitbrain.application.ports.exit_ledger import (
    BadStoreUrl,
    Conflict,
    NoStore,
    StoreUnavailable,
    UnreadableEvent,
)
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.infrastructure.cli.errors import Interrupted, WrongUsage, exit_code_of, sentence_of
from exitbrain.infrastructure.instruments.file import InstrumentsUnreadable
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
        (ChangedFormula("x"), 3),
        (NotFound("x"), 3),
        (InputUnreadable("x"), 3),
        (InstrumentsUnreadable("x"), 3),
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

    monkeypatch.setattr("exitbrain.infrastructure.cli.about.version", broken)
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
