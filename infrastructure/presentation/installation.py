"""What is installed, what is set, and whether it works."""

from collections.abc import Iterator

from msgspec import Struct

_MARKS = {True: "✔", False: "✘", None: "-"}


class Check(Struct):
    """One check; `ok` is null if there was nothing to check."""

    name: str
    ok: bool | None
    detail: str


class DoctorReport(Struct):
    """The effective settings with secrets masked, and the state of what they name.

    `sources` says where each non-default setting was set: a flag, the environment, or a file.
    """

    version: str
    python: str
    packages: dict[str, str]
    settings: dict[str, str | int | float | None]
    sources: dict[str, str]
    checks: list[Check]


class VersionReport(Struct):
    """The version, and the newest store format it reads and writes."""

    version: str
    python: str
    store_format: int


def doctor_text(report: DoctorReport) -> Iterator[str]:
    """Yield settings, checks and packages, one per line."""
    yield f"exitbrain {report.version}, Python {report.python}"
    yield "Settings"
    for name, value in report.settings.items():
        source = report.sources.get(name)
        yield f"  {name.upper()} = {value}{f' ({source})' if source else ''}"
    yield "Checks"
    yield from (f"  {_MARKS[check.ok]} {check.name}: {check.detail}" for check in report.checks)
    yield "Packages"
    yield from (f"  {name} {version}" for name, version in report.packages.items())
