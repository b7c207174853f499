"""The entry point of the command line: run a command; if it fails, print one sentence and return its exit code."""

import os
import sys
from collections.abc import Sequence

from exitbrain.infrastructure.cli.commands import app

_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


def main() -> None:
    """Run the command of this process and end it."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a tick mark still gets the rest.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = app(args=list(arguments), prog_name="exitbrain", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the one place where an error becomes a sentence for the user
        return _failed(error)
    if code == _INTERRUPTED:
        sys.stderr.write("interrupted\n")
    return code or 0


def _open_what_is_closed() -> None:
    """Give a process that was started without standard streams empty ones.

    Without them, the next file opened takes the number of one of them, and printed text would go there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            setattr(sys, name, os.fdopen(descriptor, "w" if number else "r", encoding="utf-8"))


def _failed(error: Exception) -> int:
    # Imported here because only a failure needs it, and --help should not wait for it.
    from exitbrain.infrastructure.cli import errors, output  # noqa: PLC0415 - start-up

    if isinstance(error, output.ReaderGone):
        return errors.READER_GONE
    code = errors.exit_code_of(error)
    output.say(errors.unexpected(error) if code is None else f"exitbrain: {errors.sentence_of(error)}")
    return errors.UNREADABLE if code is None else code


if __name__ == "__main__":
    main()
