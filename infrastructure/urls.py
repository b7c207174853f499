"""Split a URL in the way its client will read it."""

import re
from dataclasses import dataclass

POSTGRES = ("postgresql", "postgres")
PERCENT_ENCODE = "in a password / is written %2F, @ %40, # %23, ? %3F, & %26, : %3A, % %25 and a blank %20"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_HOST = r"(?:\[[^\[\]/?#@]*\]|[^\[\]:,/?#@\s]*)(?::\d{0,5})?"
_TAIL = re.compile(rf"({_HOST}(?:,{_HOST})*)(/[^?#]*)?(?:\?([^#]*))?")
_NAME = re.compile(r"\w+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a URL, each as it is written there; `user` and `password` are None where there is none."""

    scheme: str
    user: str | None
    password: str | None
    place: str
    path: str
    parameters: tuple[tuple[str, str], ...]


def parts_of(url: str) -> Parts | None:
    """Return the parts of a URL, None for a text that is not a URL or that can be read in more than one way.

    A character of a password that ends the password for a client makes such a URL: what is left over of it would be
    taken for a host, a port or a database, and be shown as one.
    """
    scheme, colons, rest = url.partition("://")
    if not colons or not _SCHEME.fullmatch(scheme) or _CONTROL.search(url):
        return None
    credentials, tail = (_as_libpq if scheme in POSTGRES else _as_a_url)(rest)
    found = _TAIL.fullmatch(tail)
    if found is None:
        return None
    place, path, query = found[1], found[2] or "", found[3] or ""
    pairs = [text.partition("=") for text in query.split("&")] if query else []
    parameters = tuple((name, value) for name, _, value in pairs)
    is_sure = rest.startswith("/")  # there is no host, so nothing could have stood before it
    if not (is_sure or _agrees(credentials, path, parameters)):
        return None
    if not all(equals and _NAME.fullmatch(name) for name, equals, _ in pairs) or re.search(
        r"\s", f"{credentials}{query}"
    ):
        return None
    user, colon, password = (credentials or "").partition(":")
    return Parts(
        scheme, None if credentials is None else user, password if colon else None, place, path, parameters
    )


def _as_libpq(rest: str) -> tuple[str | None, str]:
    """Divide as libpq does: what is before the first @ is user and password, unless a / comes before it."""
    first = re.search("[@/]", rest)
    if first is None or first[0] == "/":
        return None, rest
    return rest[: first.start()], rest[first.end() :]


def _as_a_url(rest: str) -> tuple[str | None, str]:
    """Divide as Python does: user and password end with the last @ before any of / ? #."""
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    credentials, at, _ = authority.rpartition("@")
    return (credentials, rest[len(credentials) + 1 :]) if at else (None, rest)


def _agrees(credentials: str | None, path: str, parameters: tuple[tuple[str, str], ...]) -> bool:
    """Return whether no @ is left where a host, a database or an option is read, and no other mark in the user."""
    user = (credentials or "").partition(":")[0]
    given_elsewhere = {name for name, value in parameters if "@" in value} <= {"password", "username", "user"}
    return "@" not in path and given_elsewhere and not re.search("[/?#&=]", user)
