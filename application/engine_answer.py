"""Asking an engine: whichever it is, its answer is checked alike, and the record calls it by one name."""

import re
from collections.abc import Callable, Sequence

from exitbrain.application.ports.level_engine import BUILT_IN, EngineFailed, EngineUnavailable, LevelEngine
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.levels.checked import checked_levels
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy

SAID_MAX = 300
"""Characters that are repeated of what an engine said."""

NAME_MAX = 200
"""Characters that are kept of the name of an engine."""

ANSWER, WANTED = "answer", "levels"
"""What is said of an engine that raised: its answer is what it raised, allowed are levels."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")


class NoLevels(EngineFailed):
    """An engine raised, or its answer failed a check: `field` is `value`, where `allowed` would have been taken."""

    def __init__(self, engine: str, field: str, value: str, allowed: str) -> None:
        super().__init__(engine, field, value, allowed)
        self.engine = engine
        self.field = field
        self.value = value
        self.allowed = allowed

    @property
    def raised(self) -> bool:
        """Return whether it gave no answer at all."""
        return self.allowed == WANTED

    def __str__(self) -> str:
        if self.raised:
            return f"engine {self.engine} failed: {self.value}"
        return f"engine {self.engine}: {self.field} is {self.value}; allowed: {self.allowed}"


def levels_of(
    engine: LevelEngine, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]
) -> RawLevels:
    """Return the levels that an engine computes, checked and in exact doubles.

    Raises NoLevels where it raises, whatever that is, or its answer fails a check; but UnknownPolicy and
    EngineUnavailable as they are.
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
    except Exception as error:  # its fields may be missing, or be code of its own
        raise NoLevels(engine_name(engine, policy), ANSWER, said_by(error), WANTED) from error


def candidate_levels(
    engine: LevelEngine, policy: Policy, inputs: LevelInputs, instrument: Instrument | None
) -> RawLevels:
    """Return the levels of a policy that somebody asks about.

    Where our formulas give none, its parameters are at fault: raises InvalidValue; else raises what `levels_of` does.
    """
    try:
        return levels_of(engine, policy, inputs, () if instrument is None else instrument.brackets)
    except NoLevels as failed:
        if failed.engine == BUILT_IN and not failed.raised:
            raise unfit(policy) from failed
        raise


def unfit(policy: Policy) -> InvalidValue:
    """Return the error of a policy that gives what is no level."""
    return InvalidValue(
        f"policy {policy.name}",
        "a level that is not a finite number above 0",
        "parameters that give finite levels above 0",
    )


def engine_name(engine: LevelEngine, policy: Policy) -> str:
    """Return what the record calls the engine that computes a policy: see `LevelEngine`.

    Engines of ours are called by what they compute with: our formulas, or the foreign engine that the policy names.
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
    """Return what an error says, in words that are the same in every run of the same code.

    Addresses are left out, and so is the text of a RecursionError, which tells where the stack happened to end.
    """
    text = "" if isinstance(error, RecursionError) else _text_of(error, str)
    if isinstance(error, EngineFailed):  # what it says is meant for this
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
    """Return text that can be stored, on one line, cut, without addresses."""
    plain = _ADDRESS.sub("0x…", " ".join(text[: 10 * longest].split()))
    plain = plain.encode("utf-8", "backslashreplace").decode()
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
