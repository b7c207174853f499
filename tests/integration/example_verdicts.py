"""The verdicts on the laboratory's example for many seeds: `python -m tests.integration.example_verdicts`."""

import io
import shlex
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.demo.lab_example import PlantedEffect

SEEDS = range(1, 21)
WICKS_ADOPTED_MIN, NONE_ADOPTED_MAX, NONE_WINNERS_MAX = 18, 2, 4


class ExampleVerdict(NamedTuple):
    """What the documented sweep says of an example: of the choice by walk forward, and which policies are superior."""

    verdict: str
    superior: list[str]


def verdict_on(effect: PlantedEffect, seed: int) -> ExampleVerdict:
    """Run the documented commands in the working folder."""
    folder = f"{effect}-{seed}"
    made = msgspec.json.decode(_printed(f"lab example {folder} --effect {effect} --seed {seed} --json"))
    ingest, sweep = (command.removeprefix("exitbrain ") for command in made["commands"])
    _printed(ingest)
    family = msgspec.json.decode(_printed(f"{sweep} --json"))["family"]
    return ExampleVerdict(
        family["walk_forward"]["judgement"]["verdict"],
        [each["policy"] for each in family["policies"] if each["superior"]],
    )


def _printed(command: str) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        code = run(shlex.split(command))
    assert code == 0, command
    return printed.getvalue()


def main() -> int:
    found: dict[PlantedEffect, list[ExampleVerdict]] = {effect: [] for effect in PlantedEffect}
    with TemporaryDirectory() as folder, chdir(Path(folder)):
        for seed in SEEDS:
            for effect, verdicts in found.items():
                verdicts.append(verdict_on(effect, seed))
                sys.stdout.write(f"{effect}, seed {seed}: {verdicts[-1].verdict}, {verdicts[-1].superior}\n")
                sys.stdout.flush()
    adopted = {effect: sum(one.verdict == "adopt" for one in each) for effect, each in found.items()}
    winners = sum(bool(one.superior) for one in found[PlantedEffect.NONE])
    sys.stdout.write(
        f"of {len(SEEDS)} seeds adopted: wicks {adopted[PlantedEffect.WICKS]}, none {adopted[PlantedEffect.NONE]}; "
        f"families of none with a winner: {winners}\n"
    )
    assert adopted[PlantedEffect.WICKS] >= WICKS_ADOPTED_MIN
    assert adopted[PlantedEffect.NONE] <= NONE_ADOPTED_MAX
    assert winners <= NONE_WINNERS_MAX
    return 0


if __name__ == "__main__":
    sys.exit(main())
