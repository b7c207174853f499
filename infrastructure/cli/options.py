"""The options that commands share: their names, units and help."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

from typer import Argument, Option, Typer
from typer.core import TyperCommand, TyperOption

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


def flag(metavar: str, help_text: str, *flags: str) -> Any:
    """Return what an argument of a command says of its flag."""
    return Option(*flags, metavar=metavar, help=help_text, show_default=False)


Store = Annotated[
    str | None,
    flag(
        "URL",
        "Where decisions are kept: sqlite:///PATH, postgresql://USER@HOST/DATABASE or memory://; "
        "default EXITBRAIN_STORE, else sqlite:///exitbrain.db.",
        "--store",
    ),
]
Redis = Annotated[str | None, flag("URL", "Where the streams are; default EXITBRAIN_REDIS.", "--redis")]
PolicyOfNewStore = Annotated[
    str | None, flag("P", "Policy in force in a new store; default EXITBRAIN_POLICY, else v3.5.", "--policy")
]
Account = Annotated[
    str | None,
    flag(
        "A",
        "Alias for messages that name no account; default EXITBRAIN_ACCOUNT, else 'default'.",
        "--account",
    ),
]
OfStream = Annotated[
    str | None, flag("NAME", "Of this stream only: trade.intent or trade.closed.", "--stream")
]
RefusedEntry = Annotated[
    str, Argument(metavar="ENTRY_ID", help="Id under which the message came, or the beginning of it.")
]
Json = Annotated[
    bool, Option("--json", help="Print one JSON object on stdout; everything else is on stderr.")
]
Wide = Annotated[
    bool, Option("--wide", help="Show every column of the tables, however wide; else at most 100 characters.")
]
Since = Annotated[
    str | None,
    flag("TIME", "Occurred at this time or later; ISO 8601, UTC where it has no offset.", "--since"),
]
Until = Annotated[str | None, flag("TIME", "Occurred before this time.", "--until")]
Cluster = Annotated[
    str | None,
    flag(
        "C",
        "Work on a Dask cluster: local, local:N processes, or tls://HOST:PORT or tcp://HOST:PORT of a scheduler.",
        "--cluster",
    ),
]
EngineUnit = Annotated[
    str | None, flag("U", "Unit of your own engine: fraction (the default) or percent.", "--unit")
]
OfSymbol = Annotated[str | None, flag("S", "Of this symbol only, like BTCUSDT.", "--symbol")]


_OTHER_FLAGS = {"average_pnl": "--avg-pnl", "entry_price": "--entry"}
"""The inputs whose flag has another name."""


def flag_of(name: str) -> str:
    """Return the flag with which a user gives an input."""
    return _OTHER_FLAGS.get(name, f"--{name.replace('_', '-')}")


@dataclass(frozen=True, kw_only=True)
class InputFlags:
    """What a user gives for a level computation; None where a default is to stand in."""

    leverage: Annotated[float | None, flag("L", "Leverage, 1 to 125. Needed.")] = None
    side: Annotated[
        str | None, flag("S", "Side of the position: buy or long (the default), sell or short.")
    ] = None
    volatility: Annotated[
        float | None, flag("V", "Volatility as a factor; default 1.0, which is normal.")
    ] = None
    funding: Annotated[
        float | None, flag("F", "Funding rate as a fraction, 0.0001 is 0.01 %; default 0.")
    ] = None
    divergence: Annotated[float | None, flag("D", "Exchange divergence, 0 to 1; default 0.")] = None
    confidence: Annotated[float | None, flag("C", "Confidence of the signal, 0 to 1; default 0.8.")] = None
    average_pnl: Annotated[
        float | None,
        flag("X", "Mean price return of the last 20 closes in percent; default 0.", flag_of("average_pnl")),
    ] = None
    policy: Annotated[
        str | None,
        flag(
            "P",
            "v3.5, v3.5-fraction, v3.6, or your own engine, foreign:MODULE:CLASS; default EXITBRAIN_POLICY, else v3.5.",
        ),
    ] = None
    unit: Annotated[str | None, flag("U", "Unit of your own engine: fraction (the default) or percent.")] = (
        None
    )
    changes: Annotated[
        list[str] | None,
        flag("NAME=VALUE", "Change this parameter of the policy; can be given several times.", "--set"),
    ] = None
    base_tp: Annotated[
        float | None, flag("X", "Base of the targets, raw in the policy's unit; default that of the policy.")
    ] = None
    base_sl: Annotated[
        float | None, flag("X", "Base of the stop, raw in the policy's unit; default that of the policy.")
    ] = None
    fee_bps: Annotated[
        float | None,
        flag(
            "X",
            "Fee per side in basis points; default that of the instrument, else EXITBRAIN_FEE_BPS, else 5.",
        ),
    ] = None
    slippage_bps: Annotated[
        float | None,
        flag("X", "Slippage per market exit in basis points; default EXITBRAIN_SLIPPAGE_BPS, else 0."),
    ] = None
    entry_price: Annotated[
        str | None, flag("E", "Entry price; with it trigger prices are shown.", flag_of("entry_price"))
    ] = None
    quantity: Annotated[str | None, flag("Q", "Quantity in the base asset; with it slices are shown.")] = None
    instruments: Annotated[
        str | None,
        flag("FILE", "Ticks, steps and brackets; needs --symbol; default EXITBRAIN_INSTRUMENTS, else none."),
    ] = None
    symbol: Annotated[str | None, flag("S", "Symbol to look up in the instruments, like BTCUSDT.")] = None

    @property
    def is_empty(self) -> bool:
        """Return whether no flag was given at all."""
        return all(getattr(self, field.name) is None for field in fields(self))


@dataclass(frozen=True, kw_only=True)
class WalkFlags:
    """What holds for every position that is walked, as typed; None where a default is to stand in."""

    fee_bps: Annotated[
        float | None, flag("X", "Fee per side in basis points; default that of the instrument, else 5.")
    ] = None
    slippage_bps: Annotated[
        float | None, flag("X", "Slippage per market exit in basis points; default 0.")
    ] = None
    maker_fee_bps: Annotated[
        float | None, flag("X", "Fee of limit targets in basis points; default that of takers.")
    ] = None
    funding: Annotated[str | None, flag("PATH", "Funding rates.")] = None
    mark: Annotated[str | None, flag("PATH", "Mark price candles, which decide on liquidation.")] = None
    finer: Annotated[
        str | None, flag("PATH", "Finer candles, or trades, that tell the order inside a candle.")
    ] = None
    break_even: Annotated[
        str | None,
        flag(
            "[OFFSET]",
            "The first target moves the stop this far from the entry, like 0.1%; bare: to the cost.",
        ),
    ] = None
    trailing: Annotated[
        str | None, flag("A:D", "From a gain of A on, the stop follows at distance D, like 1%:0.5%.")
    ] = None
    time_stop: Annotated[str | None, flag("T", "Close after this time: minutes, or like 30s, 4h, 1d.")] = None
    rule_interval: Annotated[
        str | None, flag("T", "When trailing and time stop look at the market; default 1m.")
    ] = None
    tp_execution: Annotated[str, flag("E", "How targets fill: market (the default) or limit.")] = "market"
    working_type: Annotated[
        str, flag("W", "Price that triggers the orders: contract (the default) or mark.")
    ] = "contract"
    include_off_market: Annotated[
        bool, Option("--include-off-market", help="Count positions with a price outside its candle too.")
    ] = False
    strict: Annotated[
        bool, Option("--strict", help="End with exit code 1 when anything had to be left out.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class CloseFlags:
    """How recorded closes are read, and in what results are judged, as typed; None where a default is to stand in."""

    after_close: Annotated[
        str,
        flag(
            "E",
            "How long a policy goes on after a close that other exits made: next-entry (the default) or horizon.",
        ),
    ] = "next-entry"
    horizon: Annotated[
        str | None,
        flag(
            "T", "How long to follow it after that close at most; default 10 median holds, and at least 24h."
        ),
    ] = None
    unknown_closes: Annotated[
        str, flag("W", "Who made a close whose reason does not say: trader (the default), exits or infer.")
    ] = "trader"
    judge: Annotated[
        str, flag("U", "Unit of the results and the verdict: committed (the default), r, quote or first.")
    ] = "committed"


@dataclass(frozen=True, kw_only=True)
class TableFlags:
    """Where the table of outcomes is written, and what of it, as typed."""

    table: Annotated[
        str | None,
        flag(
            "FILE",
            "Write a row for each position and policy to a new file .parquet, .arrow or .csv, or to a new folder.",
        ),
    ] = None
    columns: Annotated[
        str | None,
        flag("A,B", "Only these columns of the table, like symbol,policy,net_committed_pessimistic."),
    ] = None
    legs: Annotated[bool, Option("--legs", help="Write the legs of every walk beside the table.")] = False


def verbs() -> Typer:
    """Return what holds a command, or a group of commands, in plain text."""
    return Typer(rich_markup_mode=None, context_settings=HELP_NAMES)


class OneValueEach(TyperCommand):
    """Refuses a second value for an option that takes one: the parser would keep the last without a word."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            takes_one = isinstance(option, TyperOption) and not option.multiple and not option.is_flag
            if takes_one and given.count(option) > 1:
                ctx.fail(f"{option.opts[0]} is given {given.count(option)} times; allowed: once")
        return super().parse_args(ctx, args)


class BareBreakEven(OneValueEach):
    """Lets `--break-even` stand without a value, which typer cannot express."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        written: list[str] = []
        for argument, following in zip(args, [*args[1:], "--"], strict=True):
            written.append(argument)
            if argument == "--break-even" and following.startswith("--"):
                written.append("cost")
        return super().parse_args(ctx, written)


Flags = type[InputFlags] | type[WalkFlags] | type[CloseFlags] | type[TableFlags]
Command = Callable[..., int | None]


def takes_flags(*kinds: Flags) -> Callable[[Command], Command]:
    """Give a command the flags of dataclasses, shown before --store, --wide and --json; they are its first arguments."""
    flags = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
        for kind in kinds
        for field in fields(kind)
    ]

    def given_to(command: Command) -> Command:
        own = list(signature(command).parameters.values())[len(kinds) :]

        @wraps(command)
        def run(**values: object) -> int | None:
            given = [kind(**{field.name: values.pop(field.name) for field in fields(kind)}) for kind in kinds]  # type: ignore[arg-type]  # typer has checked the types
            return command(*given, **values)

        ordered = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own]
        place = next(
            n for n, parameter in enumerate(ordered) if parameter.name in {"store", "wide", "as_json"}
        )
        run.__signature__ = Signature([*ordered[:place], *flags, *ordered[place:]])  # type: ignore[attr-defined]  # what typer reads
        return run

    return given_to
