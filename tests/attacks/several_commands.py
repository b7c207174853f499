"""Run several commands in one process and say what each took: one start instead of one for each.

`python -m tests.attacks.several_commands` reads a JSON list of command lines from standard input, and writes a JSON list of
[exit code, standard output, standard error, processor seconds].
"""

import contextlib
import io
import json
import sys
import time

from exitbrain.infrastructure.cli.main import run


def main() -> None:
    """Run all commands."""
    taken = []
    for command in json.load(sys.stdin):
        out, err = io.StringIO(), io.StringIO()
        began = time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(command)
        taken.append([code, out.getvalue(), err.getvalue(), time.process_time() - began])
    sys.__stdout__.write(json.dumps(taken))  # type: ignore[union-attr]  # it is open


if __name__ == "__main__":
    main()
