"""The command `demo`: the story told in a folder of its own."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from exitbrain.infrastructure.cli import demo_text, output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.demo import story
from exitbrain.infrastructure.demo.claims import ClaimFalse
from exitbrain.infrastructure.demo.results import DemoReport, FailedStep, NotStreamed, Result


def demo(*, keep: str | None = None, as_json: bool = False, steps: Sequence[story.Step] = story.STEPS) -> int:
    """Tell the story in a folder that is removed afterwards, or kept where the user says."""
    with ExitStack() as stack:
        if keep is None:
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
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell(folder: Path, keep: str | None, steps: Sequence[story.Step], *, as_json: bool) -> int:
    began_s = time.perf_counter()
    found: dict[str, Result] = {}
    failed: FailedStep | None = None
    if not as_json:
        output.show(*demo_text.introduction())
    for place, (step, result) in enumerate(story.tell(folder, steps), start=1):
        if isinstance(result, ClaimFalse):
            failed = FailedStep(step.name, str(result))
            break
        if not isinstance(result, NotStreamed):
            found[step.name] = result
        if not as_json:
            output.show(*demo_text.shown(place, step, result))
    seconds = time.perf_counter() - began_s
    kept = None if keep is None else str(folder.absolute())
    report = DemoReport(failed is None, failed, round(seconds, 6), kept, **found)  # type: ignore[arg-type]  # each step gives its own type
    if as_json:
        output.emit(report)
    else:
        output.show(*(demo_text.summary(report) if failed is None else demo_text.failure(failed)))
    return FINE if failed is None else FOUND
