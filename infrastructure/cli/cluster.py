"""The cluster behind the flag `--cluster`, and the warnings its user needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.lab.cluster import OnDask, is_without_tls, on_cluster


@contextmanager
def on_named_cluster(where: str) -> Iterator[OnDask]:
    """Work on a cluster; see `on_cluster`. Warn about one that anybody on its network can join."""
    if is_without_tls(where):
        output.say(
            f"exitbrain: {where} is a cluster without TLS: anyone who can reach it can read the work and run code in it; tls:// requires certificates"
        )
    with on_cluster(where) as on:
        yield on
