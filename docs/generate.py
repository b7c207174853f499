"""Write the generated tables into the pages, and prepare the pages for the site (an mkdocs hook).

A page holds the text of `SECTIONS[name]` between `<!-- generated: name -->` and `<!-- end of name -->`.
`python docs/generate.py` renews every such text; a test fails while one is stale.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from importlib import import_module
from inspect import cleandoc, getdoc
from pathlib import Path
from textwrap import indent
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from exitbrain.application.ports.publisher import Outgoing
from exitbrain.application.recording import opening
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.planning import plan_levels
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.catalogue import EVENT_CLASSES
from exitbrain.domain.levels.guard_rules import GUARDS, LEVEL_RULES, SIGNAL_RULES, GuardRule
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Bracket, Instrument, InstrumentSnapshotTaken
from exitbrain.domain.levels.levels import LevelInputs, fractions_of
from exitbrain.domain.levels.liquidation import liquidation_in_floats
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.plans.exit_plan import (
    ExitPlan,
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.policies.fingerprint import GRID_VERSION, fingerprint
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5, V3_5_FRACTION, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL, PolicyActivated, PolicyRegister, PolicyRegistered
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.positions.events import (
    CloseReported,
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
)
from exitbrain.domain.positions.position import Position
from exitbrain.domain.positions.shipped_reasons import SHIPPED_REASONS
from exitbrain.domain.store import EpochRaised, StoreOpened
from exitbrain.domain.values import Origin, Side, changed, fields_of
from exitbrain.infrastructure.cli.results import schemas
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.mapper import STORED_CLASSES, StoredClass
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.lab.outcome_schema import LEGS, OUTCOMES, POLICIES, OutcomeColumn
from exitbrain.infrastructure.library.facade import ExitBrain
from exitbrain.infrastructure.wire import (
    asked,
    flags,
    paper,
    placeholders,
    published_shapes,
    remaining,
    symbols,
    words,
)
from exitbrain.infrastructure.wire.activation import activation_message
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.shapes import CloseShape, IntentShape, refusal_of
from exitbrain.infrastructure.wire.translator import WireTranslator

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "replay" / "samples"

EMITTED_BY: dict[type, tuple[Callable[..., Any], ...]] = {
    StoreOpened: (opening.begin,),
    EpochRaised: (opening.raise_epoch,),
    PolicyRegistered: (opening.begin, ExitBrain.put_in_force, PolicyRegister.register),
    PolicyActivated: (opening.begin, ExitBrain.put_in_force, PolicyRegister.activate),
    IntakeConfigured: (Recorder.context,),
    MessageReceived: (Intake.decide,),
    KeyClaimed: (Intake.decide,),
    InstrumentSnapshotTaken: (Intake.decide,),
    PositionOpened: (Position.open,),
    PositionIncreased: (Position.increase,),
    LeverageChanged: (Position.change_leverage,),
    PositionReduced: (Position.reduce,),
    PositionClosed: (Position.close,),
    CloseReported: (Position.report,),
    ExitPlanOpened: (ExitPlan.open,),
    LevelsComputed: (plan_levels, ExitPlan.revise),
    LevelsRefused: (plan_levels, ExitPlan.revise),
    ExitPlanResized: (ExitPlan.resize,),
    ExitPlanCompleted: (ExitPlan.complete,),
    ExitPlanCancelled: (ExitPlan.cancel,),
}

STREAM_SCHEMAS = "schemas/streams"

_PLACEHOLDER = re.compile(r"<!-- generated: (\w+) -->(?:\n.*?<!-- end of \1 -->)?", re.DOTALL)
_SCHEMA_FILE = re.compile(r"^`(schemas/[\w./-]+\.json)`$", re.MULTILINE)
_FOLDED = re.compile(r"<details><summary>(.*?)</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
_LINK_TO_SOURCE = re.compile(
    r"\[([^\]]+)\]\((?:\.\./)+(?:(?:domain|application|infrastructure|src|tests|benchmarks)/|README\.md)[^)]*\)"
)


def on_files(files: Any, config: Any) -> Any:
    """Add the schema files to the site."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - whoever only asks for texts needs no mkdocs

    for command, schema in schemas().items():
        content = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        files.append(File.generated(config, schema_file(command), content=content))
    for name, content in published_shapes.schema_texts().items():
        files.append(File.generated(config, f"{STREAM_SCHEMAS}/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page as the site shows it: links only to what the site holds, folded parts in its own form."""
    page = _SCHEMA_FILE.sub(r"[\1](\1)", _LINK_TO_SOURCE.sub(r"\1", markdown))
    return _FOLDED.sub(lambda match: f'??? example "{match[1]}"\n\n{indent(match[2], "    ")}', page)


def sections_in(markdown: str) -> list[str]:
    """Return the names of the generated sections of a page."""
    return _PLACEHOLDER.findall(markdown)


def renewed(markdown: str) -> str:
    """Return a page with its generated sections as the code gives them now."""
    return _PLACEHOLDER.sub(
        lambda match: (
            f"<!-- generated: {match[1]} -->\n\n{SECTIONS[match[1]]()}\n\n<!-- end of {match[1]} -->"
        ),
        markdown,
    )


def renew() -> None:
    """Renew the generated sections of every page and name the pages that changed."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        if (after := renewed(before)) != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"renewed {page.relative_to(ROOT)}\n")


def event_catalogue() -> str:
    """Return a table of all events, every stored class with its fields, and then the types that they are made of."""
    nested = _nested_types(EVENT_CLASSES)
    return "\n\n".join(
        [
            _facts_of_events(),
            *(_event(stored) for stored in STORED_CLASSES),
            "## Types inside events",
            *(_nested_type(each) for each in sorted(nested, key=lambda each: each.__name__)),
        ]
    )


def _facts_of_events() -> str:
    return _table(
        ("what happened", "event", "about", "published as"),
        (
            (
                cls.LABEL,
                f"[{cls.__name__}](#{cls.__name__.lower()})",
                cls.ABOUT,
                ", ".join(f"`{event_type}`" for event_type in cls.PUBLISHED_AS),
            )
            for cls in EVENT_CLASSES
        ),
    )


def _event(stored: StoredClass) -> str:
    emitters = ", ".join(
        f"`{emitter.__module__}.{emitter.__qualname__}`" for emitter in EMITTED_BY[stored.cls]
    )
    sample = SAMPLES / f"{stored.cls.TOPIC}.v{stored.version}.json"
    example = json.dumps(json.loads(sample.read_text(encoding="utf-8")), indent=2, ensure_ascii=False)
    return "\n\n".join(
        [
            f"## {stored.cls.__name__}",
            f"Topic `{stored.cls.TOPIC}`, version {stored.version}. Emitted by {emitters}.",
            _doc(stored.cls),
            _fields(stored.cls),
            _folded(f"As stored, version {stored.version}", "json", example),
        ]
    )


def _nested_type(cls: type) -> str:
    body = ", ".join(f"`{member.value}`" for member in cls) if issubclass(cls, Enum) else _fields(cls)
    return f"### {cls.__name__}\n\n{_doc(cls)}\n\n{body}"


def _fields(cls: Any) -> str:
    hints = get_type_hints(cls)
    return _table(
        ("field", "type"),
        zip(
            (f"`{name}`" for name in cls.__struct_encode_fields__),
            (_words(hints[name]) for name in cls.__struct_fields__),
            strict=True,
        ),
    )


_WORDS = {
    str: "text",
    int: "integer",
    float: "double",
    bool: "boolean",
    Decimal: "decimal as text",
    datetime: "time, ISO 8601 in UTC",
    UUID: "uuid",
}


def _words(hint: Any) -> str:
    """Say a type in the words of its stored form."""
    if hint in _WORDS:
        return _WORDS[hint]
    if isinstance(hint, TypeVar):
        return _words(hint.__bound__)
    arguments = get_args(hint)
    match get_origin(hint):
        case origin if origin in (Union, UnionType):
            said = " or ".join(_words(each) for each in arguments if each is not NoneType)
            return f"{said}, or null" if NoneType in arguments else said
        case origin if origin is tuple:
            if arguments[-1] is Ellipsis:
                return f"list of {_words(arguments[0])}"
            return f"list of {len(arguments)}: {_words(arguments[0])}"
        case origin if origin is Literal:
            return " or ".join(f"`{each}`" for each in arguments)
        case origin if origin is dict:
            return f"object from text to {_words(arguments[1])}"
        case generic if _is_struct(generic):
            return _words(generic)
    return f"[{hint.__name__}](#{hint.__name__.lower()})"


def _nested_types(classes: Iterable[type]) -> set[type]:
    found: set[type] = set()
    waiting = [hint for cls in classes for hint in _hints(cls)]
    while waiting:
        hint = waiting.pop()
        if get_origin(hint) is Literal:
            continue
        if get_args(hint):
            waiting.extend((get_origin(hint), *get_args(hint)))
        elif (_is_struct(hint) or _is_enum(hint)) and hint not in found:
            found.add(hint)
            waiting.extend(() if _is_enum(hint) else _hints(hint))
    return found


def _hints(cls: Any) -> list[Any]:
    hints = get_type_hints(cls)
    return [hints[name] for name in cls.__struct_fields__]


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def schema_file(command: str) -> str:
    """Return where the schema of a command lies in the site."""
    return f"schemas/{command.replace(' ', '-')}.json"


def json_schemas() -> str:
    """Return the keys of what each command prints with `--json`, and then the structures inside."""
    return _described(
        (f"exitbrain {command}", schema_file(command), schema, "") for command, schema in schemas().items()
    )


def published_payloads() -> str:
    """Return the keys of the payload of each event type with an example, and then the structures inside."""
    examples = published_examples()
    return _described(
        (
            event_type,
            f"{STREAM_SCHEMAS}/{published_shapes.schema_file(event_type)}",
            schema,
            _entry_as_published(examples[event_type]),
        )
        for event_type, schema in published_shapes.schemas().items()
    )


def _described(documents: Iterable[tuple[str, str, dict[str, Any], str]]) -> str:
    """Describe title, file, schema and example of each document, and then the structures inside them."""
    inside: dict[str, dict[str, Any]] = {}
    parts = []
    for title, file, schema, example in documents:
        definitions = dict(schema["$defs"])
        root = definitions.pop(schema["$ref"].rpartition("/")[2])
        inside |= definitions
        parts += [f"## {title}", f"`{file}`", _description(root), _properties(root), example]
    parts.append("## Structures inside")
    for name in sorted(inside):
        structure = inside[name]
        body = _properties(structure) if "properties" in structure else _schema_words(structure)
        parts += [f"### {name}", _description(structure), body]
    return "\n\n".join(parts)


def _description(schema: dict[str, Any]) -> str:
    """Return what a schema says of itself, without the indent of the source: an indented paragraph is shown as code."""
    return cleandoc(schema.get("description", ""))


def _entry_as_published(entry: Outgoing) -> str:
    shown = {**entry.fields, "payload": json.loads(entry.fields["payload"])}
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    return _folded(f"An entry of {entry.stream}, with its payload decoded", "json", text)


def published_examples() -> dict[str, Outgoing]:
    """Return an entry of each event type, as it is published of a short made-up history."""
    ledger = InMemoryLedger()
    opening.begin(ledger, _MADE_UP, "example", store_id=_MADE_UP_STORE, policy=V3_6.name)
    intake = Intake(BuiltInFormulas(), WireTranslator())
    recorder = Recorder(ledger, intake, _MADE_UP, _MADE_UP, DecisionSettings())
    for number, (source, said) in enumerate(_HISTORY):
        entry_id = f"{_MADE_UP.ms - 1000 + number}-0"
        stream = f"quantum:stream:{source}"
        recorder.handle(from_fields(stream, entry_id, said, origin=Origin.LIVE, max_bytes=65_536))
    recorder.put_in_force(
        activation_message(
            V3_5_FRACTION,
            scope=EVERY_SYMBOL,
            by="risk desk",
            why="the intended unit",
            at=_MADE_UP.now(),
        )
    )
    examples: dict[str, Outgoing] = {}
    language = Published(opening.identity_of(ledger), PolicyUnits(ledger.register), WireTranslator())
    receipt: MessageReceived | None = None
    for entry in ledger.log():
        if isinstance(entry.event, MessageReceived):
            receipt = entry.event
        for told in language.entries(entry, receipt):
            examples.setdefault(told.fields["event_type"], told)
    return examples


class _MadeUp:
    """The clock and the one instrument of the made-up history."""

    ms = 1_767_268_800_000

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.ms / 1000, UTC)

    def instrument(self, symbol: str) -> Instrument:
        return changed(_with_rate(0.005), symbol=symbol, tick_size=Decimal("0.1"), step_size=Decimal("0.001"))


_MADE_UP = _MadeUp()
_MADE_UP_STORE = UUID("9b7c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3")
_SIGNAL = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 90000.0, "quantity": 0.05, "leverage": 20}
_HISTORY = (
    ("trade.intent", {"payload": json.dumps({**_SIGNAL, "trace_id": "t-1", "regime": "trend"})}),
    ("trade.intent", {"payload": json.dumps({**_SIGNAL, "leverage": 125})}),
    ("trade.intent", {"payload": json.dumps({**_SIGNAL, "side": "SELL"})}),
    ("trade.closed", {"symbol": "BTCUSDT", "pnl_percent": "0.84", "order_id": "7001", "reason": "tp1"}),
    ("trade.closed", {"symbol": "BTCUSDT", "exit_price": "89100", "order_id": "7002", "reason": "sl"}),
    ("trade.intent", {"payload": json.dumps({**_SIGNAL, "leverage": 400}), "correlation_id": "c-9"}),
)


def accepted_fields() -> str:
    """Return what is read of each incoming message: the names it may have, and what is allowed."""
    return "\n\n".join(
        f"**`{source}`**\n\n{_table(('accepted names', 'allowed'), _accepted(shape))}"
        for source, shape in ((TRADE_INTENT, IntentShape), (TRADE_CLOSED, CloseShape))
    )


def asking_fields() -> str:
    """Return which fields say what an intent asks for, what an exit leaves open, and what is paper."""
    types = f"{_code(asked.ORDER_TYPE_NAMES)} may also hold an order type (STOP_MARKET), which is ignored"
    rows = (
        (asked.SIDE_NAMES, "an order word or any other word"),
        (asked.WORD_NAMES[len(asked.SIDE_NAMES) :], "a word for exit, entry, HOLD or FLAT"),
        (asked.MORE_WORD_NAMES, f"the same, if every part of the word is known; {types}"),
        (asked.REDUCE_FLAGS, "a flag that reduces"),
        (asked.CLOSE_FLAGS, "a flag that closes"),
        (asked.POSITION_SIDE_NAMES, f"the side of the position: {asked.POSITION_SIDE_ALLOWED}"),
        (asked.MARKET_POSITION_NAMES, f"the side of the position after the order: {asked.MARKET_POSITION_ALLOWED}"),
        (asked.MARKET_SIZE_NAMES, "the size of the position after the order"),
        (remaining.REMAINING_NAMES, "in an exit or a report: the remaining quantity"),
        (remaining.PARTIAL_FLAGS, "in an exit or a report: a flag that something remains"),
        (remaining.PARTIAL_TEXTS, "in an exit or a report: the word PARTIAL means that something remains"),
        (paper.PAPER_FLAGS, "a flag: paper trading"),
        (paper.MODE_NAMES, f"paper trading, if it is one of {', '.join(paper.PAPER_WORDS)}"),
    )  # fmt: skip
    return _table(("fields", "meaning"), ((_code(names), said) for names, said in rows))


def words_of_intents() -> str:
    """Return the words of an intent and what each kind says."""
    rows = (
        (words.ORDER_WORDS, "an order; contradicts nothing"),
        ((*words.CLOSE_WORDS, *words.STOP_WORDS), "closes the whole position"),
        ((*words.REDUCE_WORDS, *words.TARGET_WORDS), "closes a part"),
        (words.PARTIAL_WORDS, "something remains; alone or with a word of the two rows above"),
        (words.ENTRY_WORDS, "an entry"),
    )
    return _table(("words", "meaning"), ((", ".join(each), said) for each, said in rows))


def symbol_spellings() -> str:
    """Return the spellings of ETHUSDT that are read as ETHUSDT."""
    rows = (
        *((_code(each.split(", ")), "perpetual", where) for each, where in symbols.PERPETUAL_SPELLINGS),
        *((_code(each.split(", ")), "spot", where) for each, where in symbols.SPOT_SPELLINGS),
    )
    return _table(("written as", "market", "used by"), rows)


def placeholder_words() -> str:
    """Return the words that name nothing."""
    return ", ".join(f"`{word}`" for word in placeholders.WORDS)


def flag_words() -> str:
    """Return the words of flags."""
    return _table(("true", "false"), [(_code(flags.TRUE), _code(flags.FALSE))])


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _accepted(shape: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in shape.model_fields.items():
        alias = field.validation_alias
        names = [str(choice) for choice in getattr(alias, "choices", [alias or name])]
        yield ", ".join(f"`{each}`" for each in names), _allowed(shape, names[0])


def _allowed(shape: type[BaseModel], name: str) -> str:
    """Return what the refusal of a value that nothing allows says is allowed; some fields refuse nothing."""
    try:
        shape.model_validate({"symbol": "X", "side": "BUY", name: []})
    except ValidationError as error:
        return refusal_of(error, (name,)).allowed
    return "anything; a value that is not text counts as absent"


def _properties(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = (
        (f"`{name}`", _schema_words(each) + ("" if name in required else "; may be absent"))
        for name, each in schema["properties"].items()
    )
    return _table(("key", "type"), rows)


def _schema_words(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        said = " or ".join(_schema_words(each) for each in schema["anyOf"] if each != {"type": "null"})
        return f"{said}, or null" if {"type": "null"} in schema["anyOf"] else said
    if "enum" in schema:
        return ", ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {_schema_words(schema['prefixItems'][0])}"
    if schema.get("type") == "array":
        return f"list of {_schema_words(schema['items'])}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"object from text to {_schema_words(inner)}" if isinstance(inner, dict) else "object"
    words = {"string": "text", "number": "number", "null": "null"}
    said = words.get(schema.get("type", ""), schema.get("type", "any"))
    return f"{said} ({schema['format']})" if "format" in schema else said


_FRESH = Freshness(0.0, 300.0)
_RATES = (0.004, 0.005, 0.0065, 0.01)
_DEPLOYED = ((10.0, 1.0), (20.0, 1.5), (5.0, 0.7), (30.0, 1.2))
_USUAL = LevelInputs(
    side=Side.LONG,
    leverage=20.0,
    leverage_assumed=False,
    volatility=1.0,
    funding=0.0,
    divergence=0.0,
    confidence=0.8,
    average_pnl=0.0,
    base_tp=0.0,
    base_sl=0.0,
    fee_bps=5.0,
    slippage_bps=0.0,
    entry_price=None,
    quantity=None,
)


def fingerprints() -> str:
    """Return what identifies each shipped policy and its behaviour."""
    parts = [f"Grid version {GRID_VERSION}."]
    for policy in SHIPPED.values():
        ignored = f", ignores {' and '.join(policy.ignores)}" if policy.ignores else ""
        parts.append(
            f"**`{policy.name}`**: formula {policy.formula}, unit {policy.unit}{ignored}\n\n"
            f"- parameters hash `{policy.parameters_hash}`\n"
            f"- fingerprint `{fingerprint(policy)}`"
        )
    return "\n\n".join(parts)


def parameters() -> str:
    """Return every parameter of every shipped policy, side by side."""
    names = dict.fromkeys(name for policy in SHIPPED.values() for name in policy.parameters)
    rows = (
        (f"`{name}`", *(_number(policy.parameters.get(name)) for policy in SHIPPED.values()))
        for name in names
    )
    return _table(("parameter", *(f"`{name}`" for name in SHIPPED)), rows)


def deployed_levels() -> str:
    """Return the table that `v3.5` must give, in percent."""
    rows = []
    for leverage, volatility in _DEPLOYED:
        raw = compute(V3_5, _inputs(V3_5, leverage=leverage, volatility=volatility))
        harvest = "/".join(f"{100 * share:.0f}" for share in raw.harvest)
        numbers = (raw.tp1, raw.tp2, raw.tp3, raw.sl, raw.lsf)
        rows.append((f"{leverage:.0f}x", f"{volatility}", *(f"{number:.3f}" for number in numbers), harvest))
    return _table(("leverage", "volatility", "TP1", "TP2", "TP3", "SL", "LSF", "harvest"), rows)


def levels_by_policy() -> str:
    """Return what the shipped policies give for the same usual inputs, in percent of the entry."""
    instrument = _with_rate(0.004)
    rows = []
    for leverage in (5.0, 20.0, 50.0, 75.0, 100.0, 125.0):
        for policy in SHIPPED.values():
            raw = compute(policy, _inputs(policy, leverage=leverage), instrument.brackets)
            levels = (raw.refusal or "", "", "", "")
            if raw.refusal is None:
                tp1, tp2, tp3, sl = (
                    f"{100 * distance:.4f}" for distance in fields_of(fractions_of(policy.unit, raw)).values()
                )
                levels = (tp1, tp2, tp3, sl)
            binding = ", ".join(dict.fromkeys(f"{bound.level} {bound.constraint}" for bound in raw.bounds))
            rows.append((f"{leverage:.0f}x", f"`{policy.name}`", *levels, binding))
    return _table(("leverage", "policy", "TP1 %", "TP2 %", "TP3 %", "SL %", "changed by"), rows)


def stop_beyond_liquidation() -> str:
    """Return from which leverage the stop of `v3.5-fraction` lies beyond the liquidation price."""

    def beyond(rate: float, volatility: float, leverage: float) -> bool:
        inputs = _inputs(V3_5_FRACTION, leverage=leverage, volatility=volatility)
        return compute(V3_5_FRACTION, inputs).sl >= _liquidation_distance(rate, leverage)

    rows = (
        (
            f"{100 * rate:g} %",
            *(_first_leverage(partial(beyond, rate, volatility)) for volatility in (0.0, 1.0)),
        )
        for rate in _RATES
    )
    return _table(("maintenance rate", "volatility 0", "volatility 1"), rows)


def cap_of_v3_6() -> str:
    """Return from which leverage the liquidation cap of `v3.6` binds, and what 125x gives."""

    def binds(rate: float, leverage: float) -> bool:
        raw = compute(V3_6, _inputs(V3_6, leverage=leverage), _with_rate(rate).brackets)
        return any(bound.constraint == "liquidation_cap" for bound in raw.bounds)

    rows = []
    for rate in _RATES:
        highest = compute(V3_6, _inputs(V3_6, leverage=125.0), _with_rate(rate).brackets)
        at_125 = f"stop {100 * highest.sl:.3f} %"
        if highest.refusal is not None:
            at_125 = f"{highest.refusal}: cap {100 * highest.cap:.3f} %, floor {100 * highest.floor:.3f} %"
        rows.append((f"{100 * rate:g} %", _first_leverage(partial(binds, rate)), at_125))
    return _table(("maintenance rate", "cap binds from", "at 125x"), rows)


def guards_on_the_signal() -> str:
    """Return a row for each guard on the signal."""
    return _guard_table(SIGNAL_RULES)


def guards_on_the_levels() -> str:
    """Return a row for each guard on the levels."""
    return _guard_table(LEVEL_RULES)


def _guard_table(rules: dict[str, GuardRule]) -> str:
    rows = (
        (
            f"`{name}`",
            rule.passes,
            ", ".join(f"`{figure}`" for figure in rule.figures),
            ", or ".join(rule.unknown),
        )
        for name, rule in rules.items()
    )
    return _table(("guard", "passes when", "figures of a failure", "not checkable when"), rows)


def guards_by_policy() -> str:
    """Return what every guard finds under each shipped policy, for one position at 20x."""
    instrument = changed(
        _with_rate(0.004), tick_size=Decimal("0.1"), step_size=Decimal("0.001"), min_notional=Decimal(100)
    )
    judged = [_judged(policy, instrument) for policy in SHIPPED.values()]
    rows = ((f"`{guard}`", *(_finding(guard, levels) for levels in judged)) for guard in GUARDS)
    return _table(("guard", *(f"`{name}`" for name in SHIPPED)), rows)


def _judged(policy: Policy, instrument: Instrument) -> JudgedLevels:
    inputs = _inputs(policy, entry_price=Decimal("64123.4"), quantity=Decimal("0.05"))
    return judge_levels(policy.unit, inputs, compute(policy, inputs, instrument.brackets), instrument, _FRESH)


def _finding(guard: str, levels: JudgedLevels) -> str:
    if guard in levels.guards.failed:
        figures = levels.guards.failed[guard].items()
        return "failed: " + ", ".join(f"{name} {figure:.6g}" for name, figure in figures)
    return levels.guards.unknown.get(guard, "passed")


def _inputs(policy: Policy, **given: Any) -> LevelInputs:
    parameters = policy.parameters
    return changed(_USUAL, base_tp=parameters["base_tp"], base_sl=parameters["base_sl"], **given)


def _with_rate(rate: float) -> Instrument:
    return Instrument("EXAMPLE", brackets=(Bracket(0.0, 1e12, rate, 125.0, 0.0),))


def _liquidation_distance(rate: float, leverage: float) -> float:
    distance: float = liquidation_in_floats(1.0, 1.0, None, leverage, _with_rate(rate).brackets).distance
    return distance


def _first_leverage(holds: Callable[[float], bool]) -> str:
    return next((f"{at}x" for at in range(1, 126) if holds(float(at))), "never")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(_table_lines(head, rows))


def _table_lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _folded(title: str, language: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n```{language}\n{text}\n```\n\n</details>"


def _doc(cls: type) -> str:
    return getdoc(cls) or ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def rooms() -> str:
    """Return every package of the three layers with the line that it says of itself."""
    packages = [
        f"exitbrain.{'.'.join(init.parent.relative_to(ROOT).parts)}"
        for layer in ("domain", "application", "infrastructure")
        for init in sorted((ROOT / layer).rglob("__init__.py"))
    ]
    return _table(
        ("package", "holds"), ((f"`{name}`", getdoc(import_module(name)) or "") for name in packages)
    )


def reasons_of_closes() -> str:
    """Return the shipped rows of who makes a close, and their hash."""
    rows = (
        (
            f"`{ended_by}`",
            _code(beginning for beginning, made_by in SHIPPED_REASONS.rows if made_by is ended_by),
        )
        for ended_by in EndedBy
    )
    return f"{_table(('made by', 'reasons that begin with'), rows)}\n\nThe hash of these rows is `{SHIPPED_REASONS.hash}`."


def outcome_columns() -> str:
    """Return the columns of the table of outcomes."""
    return _columns(OUTCOMES)


def policy_columns() -> str:
    """Return the columns of the policies beside it."""
    return _columns(POLICIES)


def leg_columns() -> str:
    """Return the columns of the legs beside it."""
    return _columns(LEGS)


def _columns(columns: Iterable[OutcomeColumn]) -> str:
    rows = ((f"`{one.name}`", str(one.kind), one.unit, one.meaning) for one in columns)
    return _table(("column", "type", "unit", "meaning"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    section.__name__: section
    for section in (
        rooms,
        event_catalogue,
        json_schemas,
        published_payloads,
        accepted_fields,
        asking_fields,
        words_of_intents,
        symbol_spellings,
        placeholder_words,
        flag_words,
        fingerprints,
        parameters,
        deployed_levels,
        levels_by_policy,
        stop_beyond_liquidation,
        cap_of_v3_6,
        guards_on_the_signal,
        guards_on_the_levels,
        guards_by_policy,
        reasons_of_closes,
        outcome_columns,
        policy_columns,
        leg_columns,
    )
}

if __name__ == "__main__":
    renew()
