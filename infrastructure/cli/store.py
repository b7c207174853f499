"""Open the store that a command works on."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.errors import InvalidValue, UnknownPolicy, WrongState
from exitbrain.infrastructure.cli.output import say
from exitbrain.infrastructure.cli.progress import ProgressBar
from exitbrain.infrastructure.secrets import masked

if TYPE_CHECKING:  # half a second, too long for the help of a command
    from exitbrain.infrastructure.container import Access, Container
    from exitbrain.infrastructure.event_store.ledger import StoredLedger
    from exitbrain.infrastructure.index.sqlite_index import SQLiteIndex
    from exitbrain.infrastructure.settings import Settings

READING = "reading the log"
"""What the progress bar of a look-up says."""


def name_of(container: "Container") -> str:
    """Return the store as reports name it."""
    return f"store {masked(container.settings().store)}"


def visible_to_workers(store: str) -> str:
    """Return the URL of a store, independent of the working folder."""
    path = store.removeprefix("sqlite:///")
    return store if path == store else f"sqlite:///{Path(path).absolute()}"


def has_none(settings: "Settings") -> bool:
    """Return whether the settings name no store and none is at the default path; one in memory is always new."""
    is_default = "store" not in settings.model_fields_set
    in_memory = settings.store.startswith("memory:")
    return in_memory or (is_default and not Path(settings.store.removeprefix("sqlite:///")).exists())


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store being read: its container, its name in reports, and the progress of the reading."""

    container: "Container"
    ledger: "StoredLedger"
    name: str
    work: ProgressBar

    def index(self) -> "SQLiteIndex":
        """Return the index of the store, brought up to the end of the log."""
        index = self.container.index()
        index.catch_up(self.work.reached)
        if index.note is not None:
            say(f"exitbrain: {index.note}")
        return index


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let the garbage collector look seldom while a command works through very many records.

    The records form no cycles, so nearly all its work is wasted: a tenth of an ingest. A library must not decide
    this for its host, so only commands do.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def reading(url: str | None, what: str, access: "Access" = "read") -> Iterator[OpenStore]:
    """Open a store that must exist, change nothing in it, and show the progress of reading its log."""
    from exitbrain.infrastructure.settings import ENV_FILE, load_settings  # noqa: PLC0415 - start-up

    with opened_with(load_settings(env_file=ENV_FILE, store=url), access) as container:
        ledger = container.ledger()
        with collecting_seldom(), ProgressBar(what, ledger.head()) as work:
            yield OpenStore(container, ledger, name_of(container), work)


@contextmanager
def opened_with(settings: "Settings", access: "Access" = "read") -> Iterator["Container"]:
    """Open the store of the settings. Raises StoreUnavailable."""
    from exitbrain.infrastructure.container import opened  # noqa: PLC0415 - start-up

    with ExitStack() as stack:
        try:
            container = stack.enter_context(opened(settings, access))
        except (UnknownPolicy, InvalidValue, WrongState) as error:
            if isinstance(error, UnknownPolicy) and error.name == settings.policy:
                raise
            # The user did not name it: it is in force in a store that this version cannot work on.
            raise StoreUnavailable(f"store {masked(settings.store)} cannot be worked on: {error}") from error
        yield container
