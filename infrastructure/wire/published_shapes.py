"""The payloads of all published events, and their JSON Schemas."""

import json
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

from exitbrain.domain.catalogue import ExitEvent
from exitbrain.infrastructure.wire import (
    published_decisions,
    published_messages,
    published_policies,
    published_positions,
)
from exitbrain.infrastructure.wire.published_payload import EventPayloads, Payload

PAYLOADS: dict[type[ExitEvent], EventPayloads] = {
    **published_decisions.PAYLOADS,
    **published_positions.PAYLOADS,
    **published_messages.PAYLOADS,
    **published_policies.PAYLOADS,
}
"""The payloads of each published event class."""

_TYPES = [
    (event_type, shape)
    for event, payloads in PAYLOADS.items()
    for event_type, shape in zip(event.PUBLISHED_AS, payloads.shapes, strict=True)
]
SHAPES: dict[str, type[Payload]] = dict(sorted(_TYPES, key=lambda one: one[1].GOES_TO))
"""The payload structure of each event type, sorted by stream."""


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of the payload of each event type."""
    return {event_type: _schema(shape) for event_type, shape in SHAPES.items()}


def schema_texts() -> dict[str, str]:
    """Return the schemas as shipped, by file name."""
    return {
        schema_file(event_type): json.dumps(schema, indent=2) + "\n"
        for event_type, schema in schemas().items()
    }


def schema_file(event_type: str) -> str:
    """Return the file name of an event type's schema."""
    return f"{event_type.removeprefix('exitbrain.')}.json"


def _schema(shape: type[Struct]) -> dict[str, Any]:
    schema = msgspec.json.schema(shape)
    for structure in schema["$defs"].values():
        if "description" in structure:
            structure["description"] = cleandoc(structure["description"])
        if "properties" in structure:
            structure["required"] = list(structure["properties"])  # every key is always written
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
