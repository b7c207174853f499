"""Everything that is pinned: by the name of the pin what was found, and the texts behind its hashes."""

from collections.abc import Callable
from pathlib import Path

from tests.equality import commands, exit_codes, schemas, stores, tables, walks
from tests.equality.pins import Findings, Groups, summed_up
from tests.servers import RedisServer

Found = dict[str, tuple[Findings, Groups]]


def of_runs(folder: Path) -> Found:
    """Return stored bytes, published entries and ids of the seeded runs, in an empty folder."""
    runs = {
        name: stores.run_story(story, folder / f"{number}.db")
        for number, (name, story) in enumerate(stores.STORIES.items())
    }
    stored, published = stores.stored_bytes(runs), stores.published_entries(runs)
    first, every = stores.identities(runs)
    return {
        "stored_bytes": (summed_up(stored), stored),
        "published_entries": (summed_up(published), published),
        "identities": ({"first": first, "all": summed_up(every)}, every),
    }


def of_commands(folder: Path) -> Found:
    """Return what commands print and end with, in an empty folder."""
    with commands.example_folder(folder) as odd:
        printed, shown = commands.printed(), tables.shown()
        server = RedisServer("current")
        try:
            printed |= commands.printed_at(server.url, odd)
            shown |= tables.shown_at(server.url)
        finally:
            server.stop()
        codes = exit_codes.documented() | {"failures": exit_codes.of_failures()}
        codes["run for the table of Redis"] = dict(exit_codes.of_unusable_redis())
    return {
        "json_of_commands": (summed_up(printed), printed),
        "exit_codes": (codes, {}),
        "tables": (dict(shown), shown),
    }


def of_schemas(folder: Path) -> Found:
    """Return the keys of the schemas."""
    return {"schemas": (schemas.schemas(), {})}


def of_walks(folder: Path) -> Found:
    """Return what the walks came to."""
    walked = walks.walks()
    return {"walks": (summed_up(walked), walked)}


MAKERS: tuple[Callable[[Path], Found], ...] = (of_runs, of_commands, of_schemas, of_walks)
