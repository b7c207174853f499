"""The message that puts a policy in force. ExitBrain writes it and reads it back in every replay.

A sender of trade intents must not be able to change the policy. So the entry id is a hash of the content
after a prefix that no stream entry and no line of a file can have. Without it, a message belongs to an
unknown stream.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic_core import PydanticCustomError

from exitbrain.application.ports.translator import Translator
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.messages.message import (
    POLICY_ACTIVATE,
    ActivatePolicy,
    IncomingMessage,
    Translation,
    Unusable,
)
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.names import NAME_ALLOWED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.domain.values import Assumption, Origin, Unit
from exitbrain.infrastructure.wire.message_time import time_of
from exitbrain.infrastructure.wire.scalars import has_surrogate, shown, symbol_of

WORDS_MAX = 256
WORDS_ALLOWED = f"1 to {WORDS_MAX} characters in UTF-8"
_OURS = "activation:"


def activation_message(policy: Policy, *, scope: str, by: str, why: str, at: datetime) -> IncomingMessage:
    """Return the message that puts a policy in force; raises InvalidValue for unstorable text."""
    values = {
        "name": policy.name,
        "formula": policy.formula,
        "unit": policy.unit.value,
        "parameters": json.dumps(policy.parameters, sort_keys=True, separators=(",", ":")),
        "ignores": json.dumps(policy.ignores, separators=(",", ":")),
        "scope": scope,
        "why": why,
        "by": by,
        "timestamp": at.isoformat(),
    }
    for name, text in values.items():
        if has_surrogate(text) or len(text) > 64 * WORDS_MAX:
            raise InvalidValue(name, shown(text), f"at most {64 * WORDS_MAX} characters in UTF-8")
    fields = RawFields(values, {})
    return IncomingMessage(
        source=POLICY_ACTIVATE,
        stream=POLICY_ACTIVATE,
        entry_id=_entry_id(fields),
        stream_id=None,
        fields=fields,
        origin=Origin.LIVE,
    )


def is_activation(message: IncomingMessage) -> bool:
    """Return whether a message was made by `activation_message`."""
    return (
        message.source == POLICY_ACTIVATE
        and message.origin is Origin.LIVE
        and message.entry_id == _entry_id(message.fields)
    )


def activation_of(message: IncomingMessage) -> ActivatePolicy | Unusable:
    """Read a message made by `activation_message`, or return why it cannot be used."""
    said = message.fields.values
    time, assumptions = time_of(said.get("timestamp"), None, f"stream {POLICY_ACTIVATE}")
    try:
        scope, doubts = _scope(said.get("scope", ""))
        return ActivatePolicy(
            policy=_policy(said),
            scope=scope,
            why=_words("why", said),
            by=_words("by", said),
            time=time,
            assumptions=(*assumptions, *doubts),
        )
    except InvalidValue as error:
        value = "absent" if error.value is None else shown(error.value)
        return Unusable(Refusal(Reason.BAD_VALUE, error.field, value, error.allowed), time)


class WithActivations:
    """A host's translator that also reads ExitBrain's own activation message."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def translate(self, message: IncomingMessage) -> Translation:
        """Translate a message."""
        return activation_of(message) if is_activation(message) else self._translator.translate(message)


def _entry_id(fields: RawFields) -> str:
    content = json.dumps([fields.values, fields.encoded], sort_keys=True, separators=(",", ":"))
    return f"{_OURS}{sha256(content.encode()).hexdigest()}"


def _policy(said: dict[str, str]) -> Policy:
    name = _words("name", said)
    if name != said["name"]:
        raise InvalidValue("name", said["name"], f"{WORDS_ALLOWED}, no space around them")
    unit = said.get("unit")
    if unit not in tuple(Unit):
        raise InvalidValue("unit", unit, ", ".join(Unit))
    parameters, ignores = _json("parameters", said), _json("ignores", said)
    if not isinstance(parameters, dict) or not isinstance(ignores, list):
        raise InvalidValue(
            "parameters", said["parameters"], "an object of doubles, with a list of what is ignored"
        )
    return Policy(name, _words("formula", said), Unit(unit), parameters, tuple(map(str, ignores)))


def _json(field: str, said: dict[str, str]) -> Any:
    try:
        return json.loads(said[field])
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidValue(field, said.get(field), "JSON") from error


def _words(field: str, said: dict[str, str]) -> str:
    given = said.get(field, "")
    text = given.strip()
    if not 1 <= len(text) <= WORDS_MAX:
        raise InvalidValue(field, given or None, WORDS_ALLOWED)
    return text


def _scope(given: str) -> tuple[str, tuple[Assumption, ...]]:
    if given == EVERY_SYMBOL:
        return EVERY_SYMBOL, ()
    try:
        symbol = symbol_of(given)
    except PydanticCustomError as error:
        said = (error.context or {}).get("allowed", NAME_ALLOWED)
        allowed = f"{EVERY_SYMBOL} for every symbol, or a symbol: {said}"
        raise InvalidValue("scope", given or None, allowed) from error
    return symbol.name, symbol.doubts
