"""The shipped JSON Schemas are those of the shapes. Running this module writes them anew."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from exitbrain.infrastructure import wire
from exitbrain.infrastructure.wire.published_shapes import SHAPES, schema_texts, schemas

SHIPPED = Path(wire.__file__).parent / "schemas"


def test_the_shipped_schemas_are_those_of_the_shapes() -> None:
    shipped = {file.name: file.read_text(encoding="utf-8") for file in SHIPPED.iterdir()}

    assert shipped == schema_texts(), f"run python -m {__name__} and look at the difference"


def test_a_reader_finds_the_schemas_in_the_installed_package() -> None:
    text = (files("exitbrain.infrastructure.wire") / "schemas" / "adaptive_levels.json").read_text("utf-8")

    schema = json.loads(text)
    assert schema["$ref"] == "#/$defs/AdaptiveLevels"
    assert "adaptive_levels" in schema["$defs"]["AdaptiveLevels"]["required"]


@pytest.mark.parametrize("event_type", SHAPES)
def test_every_payload_says_its_schema_version_and_log_position(event_type: str) -> None:
    schema = schemas()[event_type]
    payload = schema["$defs"][schema["$ref"].rpartition("/")[2]]

    assert {"schema_version", "log_position", "recorded_at"} <= {*payload["required"]}


def test_every_key_of_a_schema_is_one_a_reader_can_count_on() -> None:
    for schema in schemas().values():
        structures = [one for one in schema["$defs"].values() if "properties" in one]
        assert all(one["required"] == list(one["properties"]) for one in structures)


if __name__ == "__main__":
    SHIPPED.mkdir(exist_ok=True)
    for name, text in schema_texts().items():
        (SHIPPED / name).write_text(text, encoding="utf-8")
