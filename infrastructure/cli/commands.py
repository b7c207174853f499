"""The commands: where each is listed, and what it is for.

The module of a command is imported when the command is called, so that help is instant.
"""

from collections.abc import MutableMapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, NamedTuple

from typer import Context, Exit, Option, Typer, echo
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from exitbrain.infrastructure.cli.options import HELP_NAMES, BareBreakEven, Json, OneValueEach, flag

ASK, RECORD, LIVE = "Ask", "Record and replay", "Live"
LOOK_UP, SETUP = "Look up", "This installation"

SHORT_HELP_MAX = 78


class Verb(NamedTuple):
    """The heading under which a command is listed, and the first line of its help."""

    heading: str
    line: str


VERBS = {
    "levels": Verb(ASK, "Compute the levels for given inputs; nothing is recorded."),
    "explain": Verb(ASK, "Say why levels are where they are, and derive them line by line."),
    "simulate": Verb(ASK, "Simulate positions of a file: every possible exit, bounded by worst and best."),
    "serve": Verb(LIVE, "Read messages from Redis streams, record them and their effects, and publish."),
    "ingest": Verb(RECORD, "Record messages from a file; one already recorded is skipped."),
    "replay": Verb(RECORD, "Recompute recorded decisions: EXACT to the bit, or the first difference."),
    "whatif": Verb(
        ASK,
        "Ask what another policy would have said on the recorded decisions, and on candles what it would have brought.",
    ),
    "positions": Verb(LOOK_UP, "List open positions with their latest levels."),
    "plan": Verb(LOOK_UP, "Show the history of one exit plan and of its position."),
    "receipt": Verb(LOOK_UP, "Show one message, its result and its effects."),
    "index": Verb(LOOK_UP, "Bring the index for look-ups up to date, or verify it."),
    "doctor": Verb(SETUP, "Show the effective settings, and check what they name."),
    "version": Verb(SETUP, "Print the version."),
    "demo": Verb(SETUP, "Run a guided tour on synthetic messages; needs no server."),
    "audit": Verb(ASK, "Ask what the record says: changes of the LSF."),
    "policy": Verb(ASK, "Show policies, and where two of them differ."),
    "export": Verb(RECORD, "Write the record in another format."),
    "dlq": Verb(LIVE, "Look at refused messages, and send them again."),
    "book": Verb(LIVE, "Correct the record where no message did."),
    "lab": Verb(ASK, "Put policies and engines to the test."),
}
"""Every command. The module of its name holds its options and, from the second paragraph on, its help."""


class Grouped(TyperGroup):
    """Lists commands under their headings, in plain text: rich help takes twice as long to start."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """Return every command, loaded."""
        return {**{name: _loaded(name) for name in VERBS if name not in self._given}, **self._given}

    @commands.setter
    def commands(self, given: MutableMapping[str, Any]) -> None:
        self._given = given

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self._given:
            return self._given[cmd_name]
        return _loaded(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title in (ASK, RECORD, LIVE, LOOK_UP, SETUP):
            rows = [
                (name, TyperCommand(name, help=verb.line).get_short_help_str(SHORT_HELP_MAX))
                for name, verb in VERBS.items()
                if verb.heading == title
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


@cache
def _loaded(name: str) -> Any:
    """Return a command, or a group of commands."""
    verb: Typer = import_module(f"exitbrain.infrastructure.cli.{name}").verb
    for registered in verb.registered_commands:
        registered.cls = registered.cls if registered.cls is BareBreakEven else OneValueEach
    group = get_group(verb)
    command = group.commands.get(name, group)
    more = (command.help or "").partition("\n\n")[2]
    command.help = f"{VERBS[name].line}\n\n{more}".rstrip()
    return command


app = Typer(
    cls=Grouped,
    rich_markup_mode=None,
    help="Record, replay and explain the exit decisions of leveraged futures positions.",
    epilog="Exit codes: 0 fine, 1 a check found something, 2 wrong usage or settings, 3 something needed is unreadable.",
    context_settings=HELP_NAMES,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def program(
    context: Context,
    show_version: Annotated[bool, Option("--version", help="Print the version and end.")] = False,
) -> None:
    if show_version:
        from exitbrain.infrastructure.cli.version import version  # noqa: PLC0415 - start-up

        version(as_json=False)
        raise Exit
    if context.invoked_subcommand is None:
        echo(context.get_help())


@app.command(cls=OneValueEach)
def demo(
    folder: Annotated[
        str | None, flag("DIR", "Work in this new or empty folder and keep it; default exitbrain-demo.")
    ] = None,
    clean: Annotated[bool, Option("--clean", help="Remove the folder at the end.")] = False,
    as_json: Json = False,
) -> int:
    """Run a guided tour on synthetic messages; needs no server.

    Every command of the tour is shown and checked. Exit code 1 if a claim turns out not to be true.
    """
    from exitbrain.infrastructure.cli.demo import demo as run  # noqa: PLC0415 - start-up

    return run(app, folder=folder, clean=clean, as_json=as_json)
