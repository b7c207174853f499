"""The keys of every JSON Schema: their types, and which of them are always there. No titles, no descriptions."""

import json
from collections.abc import Iterator
from typing import Any

from tests.equality import subject
from tests.equality.pins import Findings

Schema = dict[str, Any]

_LEFT_OUT = {"exitbrain replay --json": ("/lane", "/mirror")}
"""Keys that are no part of the promise, by schema."""

_TOLD = ("title", "description", "default", "$schema", "$defs")
_FOLLOWED = ("$ref", "anyOf", "properties", "required", "items", "prefixItems", "additionalProperties")
_NO_PART_OF_A_TYPE = {*_TOLD, *_FOLLOWED}


def schemas() -> Findings:
    """Return the type of every key of every schema, by the place of the key; one that may be missing has a `?`."""
    reports = {f"exitbrain {name} --json": schema for name, schema in subject.report_schemas().items()}
    streams = {f"published {name}": schema for name, schema in subject.stream_schemas().items()}
    return {name: keys_of(schema, _LEFT_OUT.get(name, ())) for name, schema in (reports | streams).items()}


def keys_of(schema: Schema, left_out: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """Return the types of a schema by the place of their object and key; those of one key are joined, in no order."""
    kinds: dict[str, set[str]] = {}
    for place, kind in _types(schema, schema["$defs"], "", ()):
        if not place.removesuffix("?").startswith(left_out or "-"):
            kinds.setdefault(place, set()).add(kind)
    found: dict[str, dict[str, str]] = {}
    for place, joined in kinds.items():
        above, _, key = place.rpartition("/")
        found.setdefault(above, {})[key] = " | ".join(sorted(joined))
    return found


def _types(
    schema: Schema, named: dict[str, Schema], place: str, above: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield a place and its type, and those below it; what is named is put in the place where it is used."""
    reference = schema.get("$ref")
    if reference is not None:
        name = reference.removeprefix("#/$defs/")
        if name in above:
            yield place, f"as {len(above) - above.index(name)} above"
            return
        yield from _types(named[name], named, place, (*above, name))
        return
    for alternative in schema.get("anyOf", ()):
        yield from _types(alternative, named, place, above)
    own = {key: value for key, value in schema.items() if key not in _NO_PART_OF_A_TYPE}
    if own or "anyOf" not in schema:
        yield place, own["type"] if own.keys() == {"type"} else json.dumps(own, sort_keys=True)
    for key, below in schema.get("properties", {}).items():
        sign = "" if key in schema.get("required", ()) else "?"
        yield from _types(below, named, f"{place}/{key}{sign}", above)
    if isinstance(schema.get("items"), dict):
        yield from _types(schema["items"], named, f"{place}[]", above)
    for number, below in enumerate(schema.get("prefixItems", ())):
        yield from _types(below, named, f"{place}[{number}]", above)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _types(schema["additionalProperties"], named, f"{place}/*", above)
