"""Turn a failure into one sentence and an exit code."""

import os
import traceback

from typer import TyperException

from exitbrain.application.ports.dead_letters import DeadLettersUnavailable
from exitbrain.application.ports.exit_ledger import BadStoreUrl, LedgerError
from exitbrain.application.ports.level_engine import EngineFailed, EngineUnavailable
from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.application.queries.dead_letters import NotRetried
from exitbrain.application.queries.lookup import Ambiguous, NotFound
from exitbrain.application.recording.opening import PolicyNotInForce
from exitbrain.application.recording.policy_check import AlteredPolicy, ChangedFormula
from exitbrain.domain.errors import ExitBrainError, InvalidValue, UnknownPolicy, meant
from exitbrain.infrastructure.files.written import NotWritten
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.secrets import hidden

FINE, FOUND, USAGE, UNREADABLE, INTERRUPTED, READER_GONE = 0, 1, 2, 3, 130, 141
DEBUG = "EXITBRAIN_DEBUG"
LABORATORY = ("arch", "numba", "numpy", "plotly", "pyarrow")
"""The packages of the extra `lab`, all of which only commands of the laboratory import."""


class WrongUsage(ExitBrainError):
    """A command was used in a way it does not support; the text says what it supports."""


class CanNotGoOn(ExitBrainError):
    """A worker ended because something it needs did not come back; the text says what."""


class Interrupted(ExitBrainError):
    """A command was ended from the keyboard; the text says what remains of its work."""


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code for an expected error, None for any other."""
    match error:
        case (
            WrongUsage()
            | InvalidValue()
            | UnknownPolicy()
            | PolicyNotInForce()
            | Ambiguous()
            | BadStoreUrl()
            | StreamsUnusable()
        ):
            return USAGE
        case (
            LedgerError()
            | AlteredPolicy()
            | ChangedFormula()
            | NotFound()
            | DeadLettersUnavailable()
            | SourceUnavailable()
            | PublisherUnavailable()
            | EngineUnavailable()
            | EngineFailed()
            | MarketUnreadable()
            | CanNotGoOn()
            | NotWritten()
            | OSError()
            | MemoryError()
        ):
            return UNREADABLE
        case NotRetried():
            return FOUND
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] in LABORATORY:
            return UNREADABLE
        case Interrupted():
            return INTERRUPTED
        case TyperException():
            return USAGE
    return _code_at_the_rim(error)


def sentence_of(error: Exception) -> str:
    """Return what an expected error says, on one line."""
    if isinstance(error, TyperException):
        text = _unparsed(error) or error.format_message()
        context = getattr(error, "ctx", None)
        if context is not None:
            text = f"{text.rstrip('.')}; see {context.command_path} --help"
    elif isinstance(error, ModuleNotFoundError):
        text = f"this needs the extra exitbrain[lab]: {error}"
    elif isinstance(error, MemoryError):
        text = "there is not enough memory for this; ask for less at once, or give the process more"
    elif isinstance(error, OSError):
        text = f"{error.filename or 'a file or connection'} failed: {error.strerror or error}"
    elif isinstance(error, UnknownPolicy):
        text = f"{error}{meant(error.name, error.known)}"
    else:
        text = str(error)
    return printable(" ".join(hidden(text).split()))


def unexpected(error: Exception) -> str:
    """Return the text for an unexpected error: one sentence, or the traceback if requested."""
    if os.environ.get(DEBUG) == "1":
        return hidden("".join(traceback.format_exception(error))).rstrip()
    text = printable(" ".join(hidden(str(error)).split()))
    return f"exitbrain: unexpected {type(error).__name__}: {text}; {DEBUG}=1 shows where it happened"


def _unparsed(error: TyperException) -> str | None:
    """Return the sentence for a value of the wrong type, including the value, which the parser omits."""
    flags = getattr(getattr(error, "param", None), "opts", None)
    reasons = getattr(error.__cause__, "errors", None)
    if not flags or reasons is None:
        return None
    reason = reasons()[0]
    kind = reason["msg"].partition(",")[0].removeprefix("Input should be ")
    return f"{flags[0]} is {reason['input']!r}; allowed: {kind}"


def _code_at_the_rim(error: Exception) -> int | None:
    # These modules import pydantic; if one of their errors was raised, it is loaded already.
    from exitbrain.infrastructure.instruments.file import InstrumentsUnreadable  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.lab.spread import ClusterUnavailable  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.reasons import ReasonsUnreadable  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.settings import SettingsError  # noqa: PLC0415 - start-up
    from exitbrain.infrastructure.wire.jsonl import InputUnreadable, NoMessages  # noqa: PLC0415 - start-up

    if isinstance(error, SettingsError | NoMessages):
        return USAGE
    if isinstance(error, InstrumentsUnreadable | ReasonsUnreadable | InputUnreadable | ClusterUnavailable):
        return UNREADABLE
    return None
