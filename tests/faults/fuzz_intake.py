"""`python -m tests.faults.fuzz_intake --inputs 1000000`: a fuzzer looks for bytes that break a promise of the intake.

Needs atheris (extra `torture`), which tries what reaches code that no input reached before.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from time import monotonic

import atheris

with atheris.instrument_imports(
    include=["exitbrain.infrastructure.wire", "exitbrain.application", "exitbrain.domain"]
):
    from tests.faults.any_intake import Check, seeds

INPUT_MAX_BYTES = 4096
INPUT_MAX_S = 600  # of wall time, so that a machine may pause
TELL_EVERY = 50_000


def main() -> None:
    """Fuzz as the command line says; at the first broken promise the process ends with a code other than 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz_intake", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    check, began = Check(), monotonic()
    corpus = Path(tempfile.mkdtemp(prefix="exitbrain-fuzz-"))
    for number, seed in enumerate(seeds()):
        (corpus / str(number)).write_bytes(seed)

    def tell() -> None:
        told = f"{check.inputs} inputs in {monotonic() - began:.0f} s, {check.usable} accepted, none broke a promise"
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()

    def one_input(data: bytes) -> None:
        check(data)
        if check.inputs % TELL_EVERY == 0:
            tell()
        if check.inputs >= given.inputs:
            tell()
            shutil.rmtree(corpus)
            os._exit(0)  # the fuzzer knows no other way to end well

    flags = [f"-seed={given.seed}", f"-max_len={INPUT_MAX_BYTES}", f"-timeout={INPUT_MAX_S}"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={corpus}/broken-", str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
