"""Explain Redis failures: whether one is temporary, and one sentence with the server's reason.

Lasting failures (wrong password, missing right, key of another type, wrong address) are told apart from
temporary ones (server away, loading or full), so that a worker is not started only to fail.
"""

import errno
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from redis import exceptions

Error = exceptions.RedisError | OSError

_PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.InvalidResponse,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.NoScriptError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    OSError,
)
# Codes without a class of their own, or told inside the error of a script.
_PASSING_CODES = {
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOGROUP",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
}
# What a server says, and what that means; the first that fits. %s stands for the keys that were asked for.
_LASTING = (
    (re.compile(r"NOAUTH|Authentication required"), "it asks for a password, and the URL holds none"),
    (re.compile(r"WRONGPASS|invalid password|called without any password"), "it refuses user or password"),
    (re.compile(r"(?i)access (a|(at least )?one of the) key"), "it denies the right to a key of %s"),
    (re.compile(r"(?i)NOPERM|no permissions|ACL failure|can't run this command"), "it denies a right"),
    (re.compile(r"WRONGTYPE"), "a key of %s is of another type"),
    (
        re.compile(r"exhausted the last possible ID"),
        "a key of %s has the greatest entry id that there is, and takes no more until it is deleted",
    ),
    (re.compile(r"DB index|SELECT is not allowed"), "it has no database of this number"),
    (re.compile(r"MOVED|ASK|CROSSSLOT"), "it is a node of a cluster, which keeps these keys apart"),
    (re.compile(r"(?i)unknown (redis )?command|unknown subcommand"), "it lacks a command; Redis 6.2 has all"),
)
# Never sent by a Redis, so the port belongs to something else: the first bytes of HTTP, of a page, of TLS.
_NOT_REDIS = re.compile(r"""got ["'](H|<|\\x15)["'] as reply type|Protocol Error: b?["'](HTTP|<|\\x15)""")
_NO_TLS = ("WRONG_VERSION", "RECORD_LAYER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL", "NO_SHARED", "ALERT")
_CODE = re.compile(r"(?:^|: -?)([A-Z]+)(?= )")
_NOISE = re.compile(
    r"Error running script \(call to \w+\): (@user_script: ?\d+: )*-?"
    r"| script:( \w+,)? on @user_script:\d+"
    r"| \(_ssl\.c:\d+\)"
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure in words; `passes` says whether a retry may succeed, None for an unknown failure."""

    why: str
    passes: bool | None


def trouble_of(error: Error, *, timeout_s: float, keys: Sequence[str] = ()) -> Trouble:
    """Explain a failure; `keys` are the keys of the command."""
    root = _root(error)
    said = _said(error, root)
    lasting = _of_tls(root) or _of_place(root, said) or _of_answer(root, said, keys)
    if lasting:
        return Trouble(f"Redis cannot be used: {lasting}: {said}", passes=False)
    if isinstance(root, _PASSING) or isinstance(error, _PASSING) or code_of(root) in _PASSING_CODES:
        return Trouble(f"Redis is not available: {said or f'no answer within {timeout_s} s'}", passes=True)
    return Trouble(f"Redis answered with an error: {said or type(root).__name__}", passes=None)


def code_of(error: Error) -> str:
    """Return the code of an error that the server answered with, also from within a script; empty when none."""
    status = getattr(error, "status_code", None)
    if status and status != "ERR":
        return str(status)
    codes = _CODE.findall(str(error))
    return str(codes[-1]) if codes else ""


def _root(error: Error) -> Error:
    """Return what the client has wrapped: it makes a ConnectionError of every failure to connect."""
    cause = error.__cause__ or (error.__context__ if isinstance(error, exceptions.ConnectionError) else None)
    if isinstance(error, exceptions.ConnectionError) and isinstance(cause, exceptions.RedisError | OSError):
        return _root(cause)
    return error


def _said(error: Error, root: Error) -> str:
    """Return the server's own words, else what the client says of the system's; not where in a script it was."""
    text = str(error if isinstance(root, OSError) else root)
    code = str(getattr(root, "status_code", None) or "")
    named = text if code in {"", "ERR"} or text.startswith(code) else f"{code} {text}"
    return " ".join(_NOISE.sub("", named).split()).rstrip(".")


def _of_tls(error: Error) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not accepted"
    if isinstance(error, ssl.SSLError) and any(mark in (error.reason or "") for mark in _NO_TLS):
        return "no connection with TLS comes about (rediss:// is for a server with TLS, redis:// for one without)"
    return ""


def _of_place(error: Error, said: str) -> str:
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM}:
        return "this user may not open its socket"
    if isinstance(error, exceptions.InvalidResponse) and _NOT_REDIS.search(said):
        return "what answers there does not speak the protocol of Redis"
    return ""


def _of_answer(error: Error, said: str, keys: Sequence[str]) -> str:
    if not isinstance(error, exceptions.RedisError):
        return ""
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError):
        said = f"{said} WRONGPASS"  # whatever the words, it is about user and password
    for words, meaning in _LASTING:
        if words.search(said):
            if "%s" not in meaning:
                return meaning
            named = meaning % " ".join(keys)
            return named.replace("a key of ", "the key ") if len(keys) == 1 else named.replace(" of  ", " ")
    return ""
