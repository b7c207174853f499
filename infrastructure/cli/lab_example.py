"""What `lab example` does: write a synthetic record and its candles into a folder."""

from pathlib import Path

from exitbrain.domain.errors import InvalidValue
from exitbrain.infrastructure.cli.given import new_or_empty_folder
from exitbrain.infrastructure.demo.lab_example import PlantedEffect, lab_example
from exitbrain.infrastructure.demo.lab_example_files import commands_for, write_lab_example
from exitbrain.infrastructure.presentation.lab_example import LabExampleReport

DAYS_MAX = 366
"""More would only take longer: what can be seen is seen in a month and a half."""


def write_example(folder: str, effect: str, days: int, seed: int) -> LabExampleReport:
    """Write the example of a seed; raises InvalidValue, WrongUsage or NotWritten."""
    if effect not in list(PlantedEffect):
        raise InvalidValue("--effect", effect, " or ".join(PlantedEffect))
    if not 1 <= days <= DAYS_MAX:
        raise InvalidValue("--days", days, f"1 to {DAYS_MAX}")
    if seed < 0:
        raise InvalidValue("--seed", seed, "0 or more")
    path = new_or_empty_folder("DIR", folder)
    example = lab_example(PlantedEffect(effect), days=days, seed=seed)
    write_lab_example(path, example)
    return LabExampleReport(
        folder=folder,
        effect=effect,
        days=days,
        seed=seed,
        symbols=list(example.candles),
        positions=example.positions,
        stopped=example.stopped,
        commands=list(commands_for(Path(folder))),
    )
