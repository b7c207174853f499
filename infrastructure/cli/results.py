"""The result of every command, as JSON Schema."""

from typing import Any

from exitbrain.infrastructure.cli.demo import DemoReport
from exitbrain.infrastructure.presentation import json


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of what each command prints with `--json`, by the name of the command."""
    return json.schemas({**json.RESULTS, "demo": DemoReport})
