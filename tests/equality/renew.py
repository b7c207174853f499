"""Write the pins anew, or show what is behind them: python -m tests.equality.renew [--show FOLDER].

When it may be run is said in `tests/equality/__init__.py`.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.equality.findings import MAKERS, Found
from tests.equality.pins import path_of, written


def main() -> None:
    """Write the pins, or with --show the texts behind them to a folder."""
    parser = ArgumentParser(prog="python -m tests.equality.renew", description="Write the pins anew.")
    parser.add_argument(
        "--show", metavar="FOLDER", type=Path, help="write the texts behind the hashes here instead"
    )
    show: Path | None = parser.parse_args().show
    found: Found = {}
    for maker in MAKERS:
        with TemporaryDirectory() as folder:
            found |= maker(Path(folder))
    for name, (findings, groups) in found.items():
        if show is None:
            path_of(name).write_text(written(findings), encoding="utf-8")
            sys.stdout.write(f"wrote {path_of(name).name}\n")
        else:
            _show(show / name, written(findings), groups)


def _show(folder: Path, findings: str, groups: dict[str, list[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pin.json").write_text(findings, encoding="utf-8")
    for name, parts in groups.items():
        file = folder / f"{name.replace('/', '_')}.txt"
        file.write_text("".join(f"{part}\n" for part in parts), encoding="utf-8", errors="surrogateescape")


if __name__ == "__main__":
    main()
