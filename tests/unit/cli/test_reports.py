"""The JSON Schemas: one for every command that prints JSON, with the keys that scripts rely on."""

from typing import Any

import pytest
import typer

from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.results import schemas

CONTRACT = {
    "levels": "policy unit lsf lsf_adjusted pnl_factor tp1 tp2 tp3 sl harvest binding guards",
    "explain": "policy unit lsf lsf_adjusted pnl_factor tp1 tp2 tp3 sl harvest binding guards lines",
    "ingest": (
        "read accepted ignored refused duplicate decisions exits_ignored exit_repeats exits_refused refusals"
    ),
    "replay": "decisions exact drift unknown_policy unreadable first_drift seconds receipts receipts_exact",
    "whatif": "policy decisions changed fields guards policies",
    "audit lsf": "changes summary",
}
PARTS = {
    "Bound": "level constraint before after",
    "GuardFinding": "name state detail",
    "Assumption": "field value why",
    "Line": "name expression value uses",
    "RefusedEntry": "entry reason",
    "FirstDrift": "decision_id field recorded recomputed recorded_by recomputed_by",
    "ReportedChange": (
        "at symbol position_id decision_id before after delta leverage_effect pnl_effect confidence_effect policy_effect cause"
        " inputs closes"
    ),
    "LsfInputs": "leverage average_pnl confidence policy",
    "LsfInputsChanged": "before after",
    "CloseBehind": "position_id symbol at pnl_percent log_position",
}


def commands_with_json(group: Any, above: str = "") -> set[str]:
    found = set()
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands_with_json(command, f"{above}{name} ")
        elif any("--json" in parameter.opts for parameter in command.params):
            found.add(f"{above}{name}")
    return found


def keys(schema: dict[str, Any], name: str) -> set[str]:
    return set(schema["$defs"][name]["properties"])


def test_every_command_that_prints_json_has_a_schema() -> None:
    assert commands_with_json(typer.main.get_command(app)) == set(schemas())


@pytest.mark.parametrize("command", CONTRACT)
def test_the_keys_of_the_contract_are_in_the_schema(command: str) -> None:
    schema = schemas()[command]

    assert set(CONTRACT[command].split()) <= keys(schema, schema["$ref"].rpartition("/")[2])


@pytest.mark.parametrize("part", PARTS)
def test_the_parts_have_exactly_the_keys_of_the_contract(part: str) -> None:
    schema = next(schema for schema in schemas().values() if part in schema["$defs"])

    assert keys(schema, part) == set(PARTS[part].split())
