"""What the attacks measure with measures what it says."""

import sys
from pathlib import Path

from tests.attacks.attacked import MIB, attacked


def test_the_peak_of_a_command_is_its_own_and_its_limit_holds(tmp_path: Path) -> None:
    held = bytes(256 * MIB)  # by us, who start it
    small = attacked(sys.executable, "-S", "-c", "pass", cwd=tmp_path)
    large = attacked(sys.executable, "-S", "-c", f"bytearray({128 * MIB})[::4096]", cwd=tmp_path)
    limited = attacked(
        sys.executable, "-S", "-c", f"bytearray({len(held)})", cwd=tmp_path, address_space=128 * MIB
    )

    assert small.peak_bytes < 32 * MIB < 128 * MIB < large.peak_bytes < 192 * MIB
    assert (limited.code, "MemoryError" in limited.err) == (1, True)
