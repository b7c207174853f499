"""Every error of the package has one base, and comes back whole from a copy, a pickle and another process."""

import ast
import builtins
import copy
import importlib
import pickle
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from threading import Lock
from uuid import UUID

import pytest

import exitbrain
from exitbrain import (
    AdaptiveLeverageEngine,
    AlreadyReceived,
    ExitBrainError,
    InvalidValue,
    LevelInputs,
    PolicyRef,
    Reason,
    Refusal,
    Side,
    UnknownPolicy,
    UnreadableEvent,
    Whose,
    ports,
)
from exitbrain.application.engine_answer import NoLevels
from exitbrain.application.live.place import EntriesTrimmed
from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.ports.message_source import ReadElsewhere
from exitbrain.application.ports.publisher import PublishedPosition
from exitbrain.application.queries.wanted_decision import SeveralFit
from exitbrain.application.recording import handling
from exitbrain.application.recording.planning import Unanswered
from exitbrain.application.whatif.plans import LeftOutBecause, NotWalked
from exitbrain.domain.store import FIRST_EPOCH, StoreIdentity
from exitbrain.domain.values import EntryId
from exitbrain.infrastructure.binance.errors import CallRefused, RateLimited
from exitbrain.infrastructure.lab.arrow_tables import NotTimes
from exitbrain.infrastructure.wire import reading
from tests.architecture.source import LAYERS, ROOT, python_files

AN_ID = UUID("5eed0000-0000-4000-8000-000000000001")
INPUTS = LevelInputs(Side.LONG, 10.0, False, 1.0, 0.0, 0.0, 0.8, 0.0, 1.0, 0.5, 5.0, 0.0, None, None)
REFUSAL = Refusal(Reason.NO_SIDE, "side", "absent", "BUY or SELL")

OF_OWN_CONSTRUCTORS: list[Exception] = [
    InvalidValue("leverage", 200, "a number from 1 to 125"),
    UnknownPolicy("v9", ("v3.5", "v3.6")),
    AlreadyReceived((AN_ID,)),
    UnreadableEvent(7, "exitbrain.LevelsComputed", "damaged"),
    EntriesTrimmed("trade.intent", EntryId(1, 0), "everything up to 9-0"),
    PublishedElsewhere(
        "levels",
        PublishedPosition(StoreIdentity(AN_ID, FIRST_EPOCH), 9),
        StoreIdentity(AN_ID, FIRST_EPOCH),
        3,
    ),
    ReadElsewhere("the key reader", "one", "another"),
    NotWalked(LeftOutBecause.NO_CANDLES, "no candles"),
    SeveralFit("3f", ()),
    handling.Ignored(Reason.SUPERSEDED, rule=Whose.NAMED, expected=True),
    handling.Refused(REFUSAL),
    NoLevels("risk desk", "tp1", "-1.0", "a number above 0"),
    Unanswered("risk desk", PolicyRef("v3.5", "aa", "bb"), INPUTS, REFUSAL),
    reading.UnusableMessage(REFUSAL, is_exit=True),
    NotTimes(3, "yesterday"),
    RateLimited("wait", 60.0),
    CallRefused("no", -4003),
]
"""One of each class that does not take just a text; the others are made with one."""

PAGE = ROOT / "docs" / "integration.md"


def class_statements() -> Iterator[tuple[str, str, set[str]]]:
    """Yield module, name and the last words of the bases of every class of the package.

    A name under which a class is imported counts as a class of the importing module with that base.
    """
    for file in (file for layer in LAYERS for file in python_files(layer)):
        module = f"exitbrain.{'.'.join(file.relative_to(ROOT).with_suffix('').parts)}".removesuffix(
            ".__init__"
        )
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield module, node.name, {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.asname is not None:
                        yield module, alias.asname, {alias.name}


@cache
def modules_with_errors() -> set[str]:
    """Return the modules whose source defines an error; importing all of the package takes seconds."""
    classes = list(class_statements())
    errors = {name for name, item in vars(builtins).items() if is_error(item)}
    while found := {name for _, name, bases in classes if bases & errors} - errors:
        errors |= found
    return {module for module, _, bases in classes if bases & errors}


def is_error(item: object) -> bool:
    return isinstance(item, type) and issubclass(item, BaseException)


def below(cls: type[BaseException]) -> Iterator[type[BaseException]]:
    for child in cls.__subclasses__():
        yield child
        yield from below(child)


@cache
def errors_of_the_package() -> list[type[BaseException]]:
    for module in modules_with_errors():
        importlib.import_module(module)
    ours = {cls for cls in below(BaseException) if cls.__module__.startswith("exitbrain.")}
    return sorted(ours, key=lambda cls: (cls.__module__, cls.__qualname__))


def example_of(cls: type[BaseException]) -> BaseException:
    made = {type(error): error for error in OF_OWN_CONSTRUCTORS}
    if cls in made:
        return made[cls]
    assert cls.__init__ in {builtin.__init__ for builtin in (Exception, ValueError)}, (
        f"{cls.__qualname__} has a constructor of its own: OF_OWN_CONSTRUCTORS needs an example"
    )
    return cls("one sentence")


def content(error: BaseException) -> tuple[object, ...]:
    return type(error), str(error), error.args, vars(error)


def test_every_error_is_found() -> None:
    assert len(errors_of_the_package()) > 50
    assert {"exitbrain.domain.errors", "exitbrain.infrastructure.cli.errors"} <= modules_with_errors()


def test_every_error_has_the_one_base_and_survives_copying_and_pickling() -> None:
    for cls in errors_of_the_package():
        assert issubclass(cls, ExitBrainError), cls
        error = example_of(cls)
        error.add_note("a note of whoever let it pass")

        twins = [
            pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - written by the same line
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)  # the older ones know no slots
        ]
        for twin in (*twins, copy.copy(error), copy.deepcopy(error)):
            assert content(twin) == content(error), cls


class Broken:
    """A value of somebody else that can be pickled and not read back."""

    def __init__(self, one: int, two: int) -> None:
        self.said = f"{one} {two}"

    def __reduce__(self) -> tuple[object, ...]:
        return Broken, (self.said,)


@pytest.mark.parametrize(
    "given", [Lock(), lambda: None, Broken(1, 2), [Lock()]], ids=lambda it: type(it).__name__
)
def test_a_value_that_can_not_be_pickled_is_kept_as_its_repr(given: object) -> None:
    error = InvalidValue("leverage", given, "a number from 1 to 125")
    error.__cause__ = OSError("the cause stays behind")

    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - written by the same line

    assert content(twin) == (InvalidValue, str(error), error.args, {**vars(error), "value": repr(given)})


def test_a_process_pool_survives_a_bad_argument() -> None:
    engine = AdaptiveLeverageEngine()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(InvalidValue, match="leverage is 'twenty'") as bad:
            pool.submit(engine.compute_lsf, "twenty").result(timeout=60)  # type: ignore[arg-type]
        assert (bad.value.field, bad.value.value) == ("leverage", "twenty")
        assert pool.submit(engine.compute_lsf, 20).result(timeout=60) == engine.compute_lsf(20)


def public_errors() -> list[type[BaseException]]:
    found = [getattr(exitbrain, name) for name in exitbrain.__all__]
    return [item for item in found if is_error(item)]


def tree_of(cls: type[BaseException], indent: str = "") -> Iterator[str]:
    """Yield the tree of the public errors below one, as docs/integration.md prints it."""
    yield f"{indent}{cls.__name__}"
    for child in sorted(set(cls.__subclasses__()) & set(public_errors()), key=lambda cls: cls.__name__):
        yield from tree_of(child, indent + "    ")


def test_the_documented_tree_is_that_of_the_code() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Errors\n")[2].partition("\n## ")[0]
    tree = "\n".join(tree_of(ExitBrainError))

    assert f"```text\n{tree}\n```" in section, f"docs/integration.md needs:\n{tree}"
    rows = re.findall(r"^\| ((?:`\w+`[^|`]*)+)", section, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    bases = {"ExitBrainError", "DomainError", "LedgerError"}
    assert {cls.__name__ for cls in public_errors()} - bases <= told


def test_every_error_of_the_ports_can_be_imported_from_the_package() -> None:
    of_ports = {item for item in (getattr(ports, name) for name in ports.__all__) if is_error(item)}

    assert of_ports <= set(public_errors())
