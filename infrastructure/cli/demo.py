"""The command `demo`: the story told in a folder of its own; only its report outlives it where no folder is named."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from exitbrain.infrastructure.cli import demo_text, output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, CanNotGoOn, WrongUsage
from exitbrain.infrastructure.demo import story, what_if
from exitbrain.infrastructure.demo.claims import ClaimFalse
from exitbrain.infrastructure.demo.results import AskedWhatIf, DemoReport, FailedStep, NotStreamed, Result
from exitbrain.infrastructure.written_files import FOLDER_MODE, finished_file


def demo(*, keep: str | None = None, as_json: bool = False, steps: Sequence[story.Step] = story.STEPS) -> int:
    """Tell the story in a folder that is removed afterwards, or kept where the user says.

    The report of the what-if stays in the kept folder, else it is put into the working folder.
    """
    with ExitStack() as stack:
        if keep is None:
            _check_place(Path(story.REPORT))
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="exitbrain-demo-")))
        else:
            folder = _empty_folder(keep)
        return _tell(folder, keep, steps, as_json=as_json)


def _empty_folder(name: str) -> Path:
    folder = Path(name)
    if folder.exists() and not folder.is_dir():
        raise WrongUsage(f"--keep {name} is a file; allowed: a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise WrongUsage(f"--keep {name} is not empty; allowed: a new or empty folder")
    folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    return folder


def _check_place(page: Path) -> None:
    """Refuse a working folder in which the report can not be put without taking away what somebody else put there."""
    if page.exists() and not (page.is_file() and what_if.is_ours(page)):
        raise WrongUsage(
            f"{page} is here and was not written by the demonstration; move it away, or name a folder with --keep"
        )
    if not os.access(page.parent, os.W_OK):
        raise CanNotGoOn(f"{page} can not be written to this folder; name another one with --keep")


def _put(page: Path, place: Path) -> Path:
    """Put the report where it outlives the demonstration, whole or not at all."""
    with page.open("rb") as found, finished_file(place) as file:
        shutil.copyfileobj(found, file)
    return place


def _tell(folder: Path, keep: str | None, steps: Sequence[story.Step], *, as_json: bool) -> int:
    began_s = time.perf_counter()
    found: dict[str, Result] = {}
    failed: FailedStep | None = None
    page: str | None = None
    if not as_json:
        output.show(*demo_text.introduction())
    for place, (step, result) in enumerate(story.tell(folder, steps), start=1):
        if isinstance(result, ClaimFalse):
            failed = FailedStep(step.name, str(result))
            break
        if not isinstance(result, NotStreamed):
            found[step.name] = result
        if isinstance(result, AskedWhatIf) and result.report is not None:
            lies = folder / result.report
            page = str((lies if keep is not None else _put(lies, Path(result.report))).absolute())
        if not as_json:
            output.show(*demo_text.shown(place, step, result))
    seconds = time.perf_counter() - began_s
    kept = None if keep is None else str(folder.absolute())
    report = DemoReport(failed is None, failed, round(seconds, 6), kept, page, **found)  # type: ignore[arg-type]  # each step gives its own type
    if as_json:
        output.emit(report)
    else:
        output.show(*(demo_text.summary(report) if failed is None else demo_text.failure(failed)))
    return FINE if failed is None else FOUND
