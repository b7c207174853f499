"""Write the lock anew: `python -m tests.supply.renew [--upgrade]`, in the environment of `make lock`.

Versions that are locked stay, unless pyproject.toml forbids them; `--upgrade` takes the newest of all.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.supply.lock import FOLDER, LAYERS, WHEELS_ONLY, asked_for, read_project

OLDEST_PYTHON = "3.11"

Blocks = dict[str, str]
"""The lines of each package, one version or several for different machines, with their hashes."""


def main(upgrade: bool) -> None:
    """Choose the versions of all layers together, then see which layer needs what."""
    locked = [] if upgrade else [path.read_text() for path in FOLDER.glob("*.txt")]
    everything = _resolved(LAYERS, _pins(locked))
    FOLDER.mkdir(exist_ok=True)
    for name, layer in LAYERS.items():
        needed = _resolved(_with_beneath(name), _pins(everything.values()))
        beneath = {
            each
            for one in layer.beneath
            for each in _resolved(_with_beneath(one), _pins(everything.values()))
        }
        mine = [everything[each] for each in sorted(needed.keys() - beneath)]
        head = [f"# Made by `make lock` from pyproject.toml: {_purpose(name)}.", WHEELS_ONLY]
        lines = [*head, *(f"-r {one}.txt" for one in layer.beneath), *mine]
        (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n")
        print(f"lock/{name}.txt: {len(mine)} packages")  # noqa: T201 - what was done


def _resolved(layers: Iterable[str], pins: str) -> Blocks:
    """Return what these layers together come to, under these pins."""
    project = read_project()
    asked = "\n".join(str(one) for name in layers for one in asked_for(name, project))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write(pins)
        constraints.flush()
        given = ["--constraint", constraints.name, "--universal", "--python-version", OLDEST_PYTHON]
        form = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", *given, *form]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    blocks: Blocks = defaultdict(str)
    for block in re.split(r"\n(?=\S)", done.stdout.rstrip()):
        name = canonicalize_name(block.split("==")[0])
        blocks[name] = "\n".join(filter(None, (blocks[name], block)))
    return dict(blocks)


def _pins(texts: Iterable[str]) -> str:
    """Return the versions alone, which a resolution may then not leave."""
    return "\n".join(line.removesuffix(" \\") for text in texts for line in text.splitlines() if "==" in line)


def _with_beneath(name: str) -> set[str]:
    return {name}.union(*(_with_beneath(one) for one in LAYERS[name].beneath))


def _purpose(name: str) -> str:
    layer = LAYERS[name]
    if layer.others:
        return f"the requirements of `{layer.others[0]}`"
    return f"the extras {', '.join(layer.extras)}" if layer.extras else "what every installation needs"


if __name__ == "__main__":
    main("--upgrade" in sys.argv[1:])
