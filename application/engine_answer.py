"""Asking an engine: checks the answer of any engine the same way, and gives the engine its recorded name."""

import re
from collections.abc import Callable, Sequence

from exitbrain.application.ports.level_engine import BUILT_IN, EngineFailed, EngineUnavailable, LevelEngine
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.levels.checked import checked_levels
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy

SAID_MAX = 300
"""Characters kept of an engine's answer or error."""

NAME_MAX = 200
"""Characters kept of an engine's name."""

ANSWER, WANTED = "answer", "levels"
"""The field and the allowed value reported for an engine that raised; the value is its error."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")


class NoLevels(EngineFailed):
    """An engine raised, or its answer failed a check: `field` is `value`, but must be `allowed`."""

    def __init__(self, engine: str, field: str, value: str, allowed: str) -> None:
        super().__init__(engine, field, value, allowed)
        self.engine = engine
        self.field = field
        self.value = value
        self.allowed = allowed

    @property
    def raised(self) -> bool:
        """Return whether the engine gave no answer at all."""
        return self.allowed == WANTED

    def __str__(self) -> str:
        if self.raised:
            return f"engine {self.engine} failed: {self.value}"
        return f"engine {self.engine}: {self.field} is {self.value}; allowed: {self.allowed}"


def levels_of(
    engine: LevelEngine, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]
) -> RawLevels:
    """Return the levels that an engine computes, checked and in exact doubles.

    Raises NoLevels if the engine raises any error or its answer fails a check, but passes on UnknownPolicy
    and EngineUnavailable.
    """
    try:
        answer = engine.compute(policy, inputs, brackets)
    except (UnknownPolicy, EngineUnavailable):
        raise
    except Exception as error:
        raise NoLevels(engine_name(engine, policy), ANSWER, said_by(error), WANTED) from error
    try:
        return checked_levels(answer)
    except InvalidValue as unfit:
        shown = _one_line(_text_of(unfit.value, repr))
        raise NoLevels(engine_name(engine, policy), unfit.field, shown, unfit.allowed) from unfit
    except Exception as error:  # fields may be missing, or be properties that raise
        raise NoLevels(engine_name(engine, policy), ANSWER, said_by(error), WANTED) from error


def candidate_levels(
    engine: LevelEngine, policy: Policy, inputs: LevelInputs, instrument: Instrument | None
) -> RawLevels:
    """Return the levels of a candidate policy.

    Raises InvalidValue if our formulas give none because of its parameters, else the errors of `levels_of`.
    """
    try:
        return levels_of(engine, policy, inputs, () if instrument is None else instrument.brackets)
    except NoLevels as failed:
        if failed.engine == BUILT_IN and not failed.raised:
            raise unfit(policy) from failed
        raise


def unfit(policy: Policy) -> InvalidValue:
    """Return the error of a policy that gives an invalid level."""
    return InvalidValue(
        f"policy {policy.name}",
        "a level that is not a finite number above 0",
        "parameters that give finite levels above 0",
    )


def engine_name(engine: LevelEngine, policy: Policy) -> str:
    """Return the recorded name of the engine that computes a policy; see `LevelEngine`.

    Our own engine takes the name of what it computes with: our formulas, or the foreign engine of the policy.
    """
    name = _own_name(engine)
    if name == BUILT_IN:
        return policy.formula if policy.is_foreign else BUILT_IN
    if not isinstance(name, str) or not (text := _one_line(name, NAME_MAX)):
        text = _one_line(f"{type(engine).__module__}:{type(engine).__qualname__}", NAME_MAX)
    return text


def _own_name(engine: LevelEngine) -> object:
    try:
        return getattr(engine, "name", None)
    except Exception:  # noqa: BLE001  code that is not ours may raise anything
        return None


def said_by(error: BaseException) -> str:
    """Return the text of an error, the same in every run of the same code.

    Addresses are left out, and so is the text of a RecursionError, which depends on where the stack ended.
    """
    text = "" if isinstance(error, RecursionError) else _text_of(error, str)
    if isinstance(error, EngineFailed):  # its text is meant for this
        return _one_line(text) or EngineFailed.__name__
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return _one_line(f"{module}{kind.__qualname__}: {text}" if text else f"{module}{kind.__qualname__}")


def _text_of(value: object, how: Callable[[object], str]) -> str:
    try:
        return how(value)
    except Exception:  # noqa: BLE001  code that is not ours may raise anything
        return f"<{type(value).__name__} that can not be shown>"


def _one_line(text: str, longest: int = SAID_MAX) -> str:
    """Return storable text: on one line, cut to length, without addresses."""
    plain = _ADDRESS.sub("0x…", " ".join(text[: 10 * longest].split()))
    plain = plain.encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
