"""The files of the laboratory's example, with a page that says what they are and which commands read them."""

import json
from pathlib import Path
from shlex import quote
from shutil import rmtree

from exitbrain.infrastructure.demo import synthetic
from exitbrain.infrastructure.demo.candles import write_candles
from exitbrain.infrastructure.demo.lab_example import RECORDED_POLICY, LabExample, PlantedEffect
from exitbrain.infrastructure.files.written import finished_text

MESSAGES, CANDLES, INSTRUMENTS, LABEL = "messages.jsonl", "candles", "instruments.json", "README.md"
STORE = "example.db"
SWEEP = "base_sl=0.0035:0.0105:0.001"
"""Eight stops around the recorded one, which is 0.005."""

_PAGE = """\
# A synthetic example for the laboratory

Nothing in this folder was ever traded. Made by `exitbrain lab example --effect {made.effect} --days {made.days} --seed {made.seed}`.

{told}

Would another stop have done better? In this folder:

```
{commands}
```
"""
_TOLD = {
    PlantedEffect.WICKS: "The market is fair, but three in ten positions meet a dip that goes beyond their stop "
    "and comes back: a wider stop does better.",
    PlantedEffect.NONE: "The market is fair: no stop is better than another, and what looks better is chance.",
}


def write_lab_example(folder: Path, example: LabExample) -> None:
    """Write messages, candles, instruments and the page into a folder, all or none; raises NotWritten."""
    try:
        _write(folder, example)
    except BaseException:
        _remove(folder)
        raise


def commands_for(folder: Path) -> tuple[str, str]:
    """Return the commands that take the example in and ask about its stops, for a folder as the user names it."""
    messages, instruments, candles = (quote(str(folder / name)) for name in (MESSAGES, INSTRUMENTS, CANDLES))
    store = f"--store {quote(f'sqlite:///{folder / STORE}')}"
    return (
        f"exitbrain ingest {messages} --instruments {instruments} --policy {RECORDED_POLICY.name} {store}",
        f"exitbrain whatif --policy {RECORDED_POLICY.name} --sweep {SWEEP} --candles {candles} {store}",
    )


def _write(folder: Path, example: LabExample) -> None:
    with finished_text(folder / MESSAGES) as file:
        file.writelines(f"{json.dumps(message, separators=(',', ':'))}\n" for message in example.messages)
    write_candles(folder / CANDLES, example.candles)
    known = synthetic.instruments()
    with finished_text(folder / INSTRUMENTS) as file:
        json.dump({symbol: known[symbol] for symbol in example.candles}, file, indent=1)
    with finished_text(folder / LABEL) as file:
        commands = "\n".join(commands_for(Path()))
        file.write(_PAGE.format(made=example, told=_TOLD[example.effect], commands=commands))


def _remove(folder: Path) -> None:
    for name in (MESSAGES, INSTRUMENTS, LABEL):
        (folder / name).unlink(missing_ok=True)
    rmtree(folder / CANDLES, ignore_errors=True)
