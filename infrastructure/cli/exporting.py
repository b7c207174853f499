"""The command `export parquet`: the columnar mirror of a store, written, made again, or compared with it."""

from pathlib import Path
from time import perf_counter

from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import FINE, FOUND, CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.store import reading

try:
    from exitbrain.infrastructure.lab.mirror import Mirror, MirrorReport, needed_mirror
except ImportError as missing:
    raise CanNotGoOn(f"the laboratory needs the extra exitbrain[lab]: {missing}") from missing


def export_parquet(
    folder: str | None, *, store: str | None, verify: bool, rebuild: bool, as_json: bool
) -> int:
    """Bring the mirror up to the head of the log, or compare it with the store; a difference is a finding."""
    if verify and rebuild:
        raise WrongUsage("--verify compares and --rebuild writes; one at a time")
    with reading(store, "verifying" if verify else "exporting") as store_read:
        ledger, settings = store_read.ledger, store_read.container.settings()
        where = settings.mirror_folder if folder is None else Path(folder)
        if where is None:
            raise WrongUsage("give the folder of the mirror, or set MIRROR: the store is no SQLite file")

        def progress(position: int, decisions: int) -> None:
            store_read.work.reached(position, count=decisions, unit="decisions")

        began_s = perf_counter()
        if verify:
            found = needed_mirror(ledger, where).verify(ledger, progress=progress)
        else:
            found = Mirror.of(ledger, where).export(ledger, rebuild=rebuild, progress=progress)
        seconds = perf_counter() - began_s
        head = ledger.head()
    if as_json:
        output.emit(_report_of(found, where, verify=verify, seconds=seconds))
    else:
        output.show(*_text(found, where, head, verify=verify), f"{store_read.name}, {seconds:.2f} s")
    return FOUND if verify and (found.damaged or found.different) else FINE


def _report_of(found: MirrorReport, where: Path, *, verify: bool, seconds: float) -> reports.ExportReport:
    return reports.ExportReport(
        folder=str(where),
        verified=verify,
        covers=found.covers,
        segments=found.segments,
        written=found.written,
        decisions=found.decisions,
        damaged=found.damaged,
        different=found.different,
        seconds=round(seconds, 6),
    )


def _text(found: MirrorReport, where: Path, head: int, *, verify: bool) -> list[str]:
    held = f"{found.decisions} decisions in {found.segments} segments, log positions 1 to {found.covers} of {head}"
    if not verify:
        rebuilt = [f"  {sentence}; rebuilt from the store" for sentence in found.damaged]
        return [f"Mirror {where}: {held}, {found.written} segments written.", *rebuilt]
    wrong = [f"  {sentence}" for sentence in found.damaged + found.different]
    verdict = "NOT AS THE STORE" if wrong else "AS THE STORE, bit for bit"
    return [f"Mirror {where}: {verdict}, {held}.", *wrong]
