"""The three replays over the store of a run."""

from collections.abc import Iterator

from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.settings import Settings


def drifts(store_url: str) -> Iterator[str]:
    """Yield a sentence for each replay that is not EXACT."""
    with opened(Settings(store=store_url)) as container:
        for name, report in (
            ("decision replay", container.decision_replay().run()),
            ("intake replay", container.intake_replay().run()),
            ("context audit", container.context_audit().run()),
        ):
            if not report.clean or report.exact != report.decisions:
                yield f"{name}: {report}"
