"""The command `demo`: run the steps of the tour through the command line, in a folder that is kept."""

import io
import os
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from msgspec import Struct, json
from rich.text import Text
from typer import Typer

from exitbrain import __version__
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, exit_code_of, sentence_of
from exitbrain.infrastructure.cli.given import new_or_empty_folder
from exitbrain.infrastructure.cli.walk_flags import market_in_memory
from exitbrain.infrastructure.demo import story
from exitbrain.infrastructure.demo.candles import SyntheticMarket, synthetic_candles
from exitbrain.infrastructure.demo.server import WHEEL, redis_program
from exitbrain.infrastructure.demo.tour import TourStep
from exitbrain.infrastructure.files.written import FOLDER_MODE
from exitbrain.infrastructure.presentation.guards import MARKS

FOLDER = "exitbrain-demo"
DRAWN_BY, JUDGED_BY = "plotly", "arch"
_WIDTH = 100

Lines = Iterator[Text | str]


class DemoStep(Struct):
    """A command of the tour, its exit code, and whether each of its checks holds."""

    command: str
    exit_code: int
    checks: dict[str, bool]


class DemoReport(Struct):
    """The tour to its end, or to the first step with a failed check; `report` is null without a page."""

    ok: bool
    seconds: float
    folder: str
    report: str | None
    steps: list[DemoStep]


def demo(
    app: Typer,
    *,
    folder: str | None,
    as_json: bool,
    clean: bool = False,
    steps: Iterable[TourStep] | None = None,
) -> int:
    """Run the tour in its own folder and return the exit code; `clean` removes the folder at the end."""
    began_s, program = time.perf_counter(), redis_program()
    draws, judges = (find_spec(each) is not None for each in (DRAWN_BY, JUDGED_BY))
    place = _new_folder() if folder is None else new_or_empty_folder("--folder", folder)
    if not as_json:
        output.show(*_introduction(place, with_redis=program is not None, clean=clean))
    report = DemoReport(True, 0.0, str(place), None, [])
    with _alone_in(place):
        story.write_files()
        for step in story.steps(program, draws=draws, judges=judges) if steps is None else steps:
            report.steps.append(_run(app, step, show=not as_json))
            report.ok = all(report.steps[-1].checks.values())
            if not report.ok:
                break
    report.seconds = round(time.perf_counter() - began_s, 6)
    if clean:
        shutil.rmtree(place)
    report.report = str(place / story.REPORT) if (place / story.REPORT).exists() else None
    if as_json:
        output.emit(report)
    else:
        output.show(*_ending(report, judges=judges, clean=clean))
    return FINE if report.ok else FOUND


def _new_folder() -> Path:
    names = (FOLDER if number == 1 else f"{FOLDER}-{number}" for number in count(1))
    folder = next(path for path in map(Path, names) if not os.path.lexists(path))
    folder.mkdir(FOLDER_MODE)
    return folder.absolute()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Work in the folder, without the user's own settings, and with the candles of the tour in memory."""
    settings = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("EXITBRAIN_")}
    market = SyntheticMarket(synthetic_candles(story.MESSAGES, seed=story.SEED))
    try:
        with chdir(folder), market_in_memory(story.CANDLES, market):
            yield
    finally:
        os.environ.update(settings)


def _run(app: Typer, step: TourStep, *, show: bool) -> DemoStep:
    """Run a step, check it, and show it."""
    told, checks = ([], {}) if step.before is None else step.before()
    code, printed, error = _command(app, step.command)
    lines = [error]
    if code != step.exit_code:
        checks[f"the exit code is {step.exit_code}"] = False
    else:
        found = json.decode(printed)
        checks |= step.checks(found)
        lines = step.lines(found) if all(checks.values()) else []
    if show:
        output.show(*_shown(step, told, lines, checks))
    return DemoStep(step.command, code, checks)


def _command(app: Typer, command: str) -> tuple[int, str, str]:
    """Run a command line with `--json`; return its exit code, what it printed, and the sentence of its error."""
    words = [*shlex.split(command)[1:], "--json"]
    with redirect_stdout(io.StringIO()) as printed, redirect_stderr(io.StringIO()) as said:
        try:
            code = app(args=words, prog_name="exitbrain", standalone_mode=False) or FINE
        except Exception as error:
            known = exit_code_of(error)
            if known is None:
                raise
            return known, "", sentence_of(error)
    return code, printed.getvalue(), said.getvalue()


def _introduction(folder: Path, *, with_redis: bool, clean: bool) -> Lines:
    yield Text(f"ExitBrain {__version__}: a flight recorder for the exits of leveraged futures", style="bold")
    yield from story.SYNOPSIS
    yield f"{story.MESSAGES} synthetic messages from seed {story.SEED}: nothing in them was ever traded."
    if not with_redis:
        yield f"No Redis here ({WHEEL} of the extra demo is not installed): the tour works on files alone."
    if clean:
        yield f"Each command is run exactly as shown, in {folder}, which is removed at the end."
        return
    yield "Each command is run exactly as shown. Its files are kept; to try the commands yourself:"
    yield Text(f"   $ cd {shlex.quote(str(folder))}", style="cyan")
    if shutil.which("exitbrain") is None:
        yield Text(f"   $ PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH", style="cyan")


def _shown(step: TourStep, told: list[str], lines: list[str], checks: dict[str, bool]) -> Lines:
    yield ""
    if step.title:
        yield Text(f"{step.title}\n", style="bold")
    for text in (step.about, *told):
        yield from _wrapped(text, 3)
    words = step.command.replace(" sqlite:", "\0sqlite:")  # a flag and its value stay together
    command = " \\\n    ".join(_wrapped(f"$ {words}", 3, _WIDTH - 2)).replace("\0", " ")
    yield Text(command, style="cyan")
    for line in lines:
        yield from _wrapped(line, 5)
    held = "; ".join(text for text, holds in checks.items() if holds)
    yield from (Text(line, style="green") for line in _wrapped(f"{MARKS['passed']} {held}", 5) if held)
    yield from (Text(f"     {MARKS['failed']} {text}", "red") for text, holds in checks.items() if not holds)


def _wrapped(text: str, margin: int, width: int = _WIDTH) -> list[str]:
    spaces = " " * (margin + len(text) - len(text.lstrip()))
    wrapper = textwrap.TextWrapper(width, spaces, spaces, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text.strip())


def _ending(report: DemoReport, *, judges: bool, clean: bool) -> Lines:
    yield ""
    if report.ok:
        checks = sum(len(step.checks) for step in report.steps)
        yield f"All {checks} checks of {len(report.steps)} commands hold, after {report.seconds:.1f} s."
    else:
        yield Text("The tour ends here: a check of the last command failed.", "bold red")
    if not judges:
        yield "With the extra exitbrain[lab] the tour also asks whether a wider stop would have survived."
    if clean:
        yield f"The files in {report.folder} are removed."
        return
    if report.report is not None:
        yield f"The report, to open in a browser: {report.report}"
    yield f"The files are kept in {report.folder}"
    if report.ok:
        yield "Three commands to try there:"
        yield from (Text(f"   $ {command}", style="cyan") for command in story.TO_TRY)
