"""How much of a long search is done: a part in `make test`, all of it with `CI_LONG=1`."""

import os

LONG = os.environ.get("CI_LONG") == "1"


def share_of(full: int, *, one_in: int = 5) -> int:
    """Return how many of so many examples are tried: all of them, or one in so many."""
    return full if LONG else full // one_in
