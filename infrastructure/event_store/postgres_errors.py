"""Describe and classify errors of the server and the driver."""

import re

import psycopg
from psycopg.errors import UniqueViolation

from exitbrain.infrastructure.event_store.postgres_table import POSITION_INDEX

_ATTEMPT = re.compile(r"- host: .*?hostaddr: \S+: (.*)")


def sentence(error: BaseException) -> str:
    """Return all that the server or the driver gave as the reason, on one line."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        said = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
    else:
        lines = str(error).splitlines()
        # With several hosts, or addresses of one, the first lines repeat the last attempt.
        attempts = [found[1] for line in lines if (found := _ATTEMPT.match(line))]
        said = [line.strip() for line in attempts or lines if not line.endswith("?")]
    one_line = (" ".join(text.split()).rstrip(".") for text in said if text)
    return "; ".join(dict.fromkeys(one_line)) or type(error).__name__


def is_a_broken_rule(reason: BaseException) -> bool:
    """Return whether the server refused something else than a stream and version that exist."""
    if isinstance(reason, UniqueViolation):
        return reason.diag.constraint_name == POSITION_INDEX
    return isinstance(reason, psycopg.IntegrityError)
