"""The command `version`."""

import platform

from exitbrain import __version__
from exitbrain.domain.store import FORMAT
from exitbrain.infrastructure.cli import output, reports


def version(*, as_json: bool) -> None:
    """Report the version."""
    report = reports.VersionReport(__version__, platform.python_version(), FORMAT)
    if as_json:
        output.emit(report)
    else:
        output.show(
            f"exitbrain {report.version} (Python {report.python}, store format {report.store_format})"
        )
