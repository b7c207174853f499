"""Machine code is kept under the hash of everything that it may have been compiled from."""

from pathlib import Path

import numba

from exitbrain.infrastructure.lab import jit as module
from exitbrain.infrastructure.lab.jit import jit


@jit
def _twice(number: float) -> float:
    return 2 * number


def test_machine_code_lies_in_a_folder_named_after_the_sources_and_others_keep_theirs() -> None:
    assert _twice(1.5) == 3.0
    kept = Path(_twice.stats.cache_path)  # type: ignore[attr-defined]  # Numba's dispatcher
    assert kept.parent.name.startswith("numba-")
    assert kept.parent.parent == Path(module.__file__).parent / "__pycache__"
    assert not vars(numba.config)["CACHE_DIR"]
