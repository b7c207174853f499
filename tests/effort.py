"""How much of a long search is done: a share in `make test`, all of it with `CI_LONG=1`."""

import os

LONG = os.environ.get("CI_LONG") == "1"


def share_of(full: int) -> int:
    """Return how many of so many examples are tried: all of them, or half."""
    return full if LONG else full // 2
