"""Start a command under limits and write down what it took: `launcher.py USAGE ADDRESS_SPACE FILE_SIZE COMMAND...`.

A process of its own, because a child's peak memory begins with that of the process which forked it.
"""

import json
import os
import resource
import sys
from pathlib import Path


def main(usage: str, address_space: str, file_size: str, *command: str) -> int:
    """Run the command to its end and return its exit code, 128 and the signal where one ended it."""
    child = os.fork()
    if child == 0:
        for limit, size in ((resource.RLIMIT_AS, address_space), (resource.RLIMIT_FSIZE, file_size)):
            if int(size) >= 0:
                resource.setrlimit(limit, (int(size), int(size)))
        os.execvp(command[0], command)  # noqa: S606 - a shell would be measured too
    _, status, took = os.wait4(child, 0)
    # The size limit of the command is not ours, so this can be written.
    said = {"processor_s": took.ru_utime + took.ru_stime, "peak_bytes": took.ru_maxrss * 1024}
    Path(usage).write_text(json.dumps(said))
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
