"""What is given twice is refused or taken twice; nothing is dropped without a word."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from exitbrain.infrastructure.cli.commands import app
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with the words that call it."""
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


OPTIONS = [
    pytest.param(path, option, id=f"{' '.join(path)} {option.opts[0]}")
    for path, command in commands(typer.main.get_command(app))
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag
]


@pytest.mark.parametrize(("path", "option"), OPTIONS)
def test_an_option_given_twice_is_refused_or_says_that_it_may_be(
    path: tuple[str, ...], option: Any, exitbrain: Exitbrain
) -> None:
    if option.multiple:
        assert "several" in option.help
        return
    name = option.opts[0]

    ended = exitbrain(*path, name, "1", name, "2")

    assert ended.code == 2
    assert ended.stderr.startswith(f"exitbrain: {name} is given 2 times; allowed: once; see exitbrain")


def test_every_command_is_looked_at() -> None:
    assert {"simulate --policy", "dlq retry --set", "whatif --break-even"} <= {one.id for one in OPTIONS}


def test_a_flag_without_a_value_may_be_repeated(exitbrain: Exitbrain) -> None:
    assert exitbrain("version", "--json", "--json").code == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["nothing=1"], "parameter of v3.6 is 'nothing'; allowed: base_tp, base_sl"),
        (["base_sl"], "--set base_sl is not name=value, like base_sl=0.004"),
        (["base_sl=x"], "--set base_sl=x: 'x' is not a number"),
        (["base_sl=nan"], "--set base_sl=nan: 'nan' is not a number"),
        (["base_sl=1", "base_sl=2"], "parameter base_sl is given more than once"),
        (
            ["harvest1_low=1"],
            "v3.6 harvest1_low=1: harvest at low leverage is [1.0, 0.3, 0.4]; allowed: fractions that sum to 1",
        ),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "--positions", "positions.jsonl", "--candles", "candles"),
        ("whatif",),
    ],
    ids=["simulate", "whatif"],
)
def test_set_is_understood_and_refused_alike_by_every_command(
    command: tuple[str, ...], changes: list[str], said: str, exitbrain: Exitbrain
) -> None:
    exitbrain("ingest", str(messages.write(Path("story.jsonl"), messages.story())))

    ended = exitbrain(*command, "--policy", "v3.6", *(f"--set={change}" for change in changes))

    assert ended.code == 2
    assert said in ended.stderr
