"""The command `version`."""

import platform

from exitbrain import __version__
from exitbrain.domain.store import FORMAT
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.options import Json, verbs
from exitbrain.infrastructure.presentation.installation import VersionReport

verb = verbs()


@verb.command()
def version(as_json: Json = False) -> None:
    """Report the version."""
    report = VersionReport(__version__, platform.python_version(), FORMAT)
    text = f"exitbrain {report.version} (Python {report.python}, store format {report.store_format})"
    output.give(report, [text], as_json=as_json)
