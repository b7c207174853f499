"""The commands: their names, options and help. What each does is imported when it runs, so that help is instant."""
# ruff: noqa: PLC0415 - see above: an import here would be paid by every command and by --help

from typing import Annotated, Any

from typer import Argument, Context, Exit, Option, Typer, echo
from typer.core import TyperCommand, TyperGroup, TyperOption

from exitbrain.infrastructure.cli.options import (
    Account,
    Cluster,
    EngineUnit,
    InputFlags,
    Json,
    OfStream,
    OfSymbol,
    PolicyOfNewStore,
    Redis,
    RefusedEntry,
    Since,
    Store,
    Until,
    WalkFlags,
    flag,
    takes_flags,
)

ASK, RECORD, LIVE = "Ask", "Record and replay", "Live"
LOOK_UP, SETUP = "Look up", "This installation"

SHORT_HELP_MAX = 78
HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class Grouped(TyperGroup):
    """Lists commands under the headings they belong to, in plain text: rich help takes twice as long to start."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title in (ASK, RECORD, LIVE, LOOK_UP, SETUP):
            rows = [
                (name, command.get_short_help_str(SHORT_HELP_MAX))
                for name, command in self.commands.items()
                if getattr(command, "rich_help_panel", None) == title
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


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
    """Lets `--break-even` stand without a value, which typer can not express."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        written: list[str] = []
        for argument, following in zip(args, [*args[1:], "--"], strict=True):
            written.append(argument)
            if argument == "--break-even" and following.startswith("--"):
                written.append("cost")
        return super().parse_args(ctx, written)


app = Typer(
    cls=Grouped,
    rich_markup_mode=None,
    help="Record, replay and explain the exit decisions of leveraged futures positions.",
    epilog="Exit codes: 0 fine, 1 a check found something, 2 wrong usage or settings, 3 something needed is unreadable.",
    context_settings=HELP_NAMES,
    pretty_exceptions_enable=False,
)
audit = Typer(
    rich_markup_mode=None, help="Ask what the record says: changes of the LSF.", context_settings=HELP_NAMES
)
policy = Typer(
    rich_markup_mode=None, help="Show policies, and where two of them differ.", context_settings=HELP_NAMES
)
app.add_typer(audit, name="audit", rich_help_panel=ASK)
app.add_typer(policy, name="policy", rich_help_panel=ASK)
export = Typer(rich_markup_mode=None, help="Write the record in another form.", context_settings=HELP_NAMES)
app.add_typer(export, name="export", rich_help_panel=RECORD)
dlq = Typer(
    rich_markup_mode=None, help="Look at refused messages, and send them again.", context_settings=HELP_NAMES
)
app.add_typer(dlq, name="dlq", rich_help_panel=LIVE)
book = Typer(
    rich_markup_mode=None, help="Put the record right where no message does.", context_settings=HELP_NAMES
)
app.add_typer(book, name="book", rich_help_panel=LIVE)
lab = Typer(rich_markup_mode=None, help="Put policies and engines to the test.", context_settings=HELP_NAMES)
app.add_typer(lab, name="lab", rich_help_panel=ASK)


@app.callback(invoke_without_command=True)
def program(
    context: Context,
    show_version: Annotated[bool, Option("--version", help="Print the version and end.")] = False,
) -> None:
    if show_version:
        version(as_json=False)
        raise Exit
    if context.invoked_subcommand is None:
        echo(context.get_help())


@app.command(
    rich_help_panel=ASK, epilog="Example: exitbrain levels --leverage 20 --volatility 1.5 --policy v3.6"
)
@takes_flags(InputFlags)
def levels(given: InputFlags, as_json: Json = False) -> None:
    """Compute the levels for given inputs; nothing is recorded."""
    from exitbrain.infrastructure.cli.levels import levels as run

    run(given, as_json=as_json)


@app.command(
    rich_help_panel=ASK, epilog="Examples: exitbrain explain --leverage 20; exitbrain explain 3f2a91c0"
)
@takes_flags(InputFlags)
def explain(
    given: InputFlags,
    decision_id: Annotated[
        str | None,
        Argument(
            metavar="DECISION_ID",
            help="A recorded decision: its id, or the beginning of it.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Derive levels line by line, and show what bound them."""
    from exitbrain.infrastructure.cli.explaining import explain as run

    return run(given, decision_id, store=store, as_json=as_json)


@app.command(
    cls=BareBreakEven,
    rich_help_panel=ASK,
    epilog="Example: exitbrain simulate --positions positions.jsonl --candles candles/ --policy v3.6 --break-even",
)
@takes_flags(WalkFlags)
def simulate(
    given: WalkFlags,
    positions: Annotated[
        str, flag("FILE", "Positions, JSON lines or CSV: symbol, side, entry_price, opened_at, ...")
    ],
    candles: Annotated[str, flag("PATH", "Folder or file of candles, SYMBOL.csv[.gz] and the like.")],
    policy: Annotated[str | None, flag("P", "Policy, or foreign:MODULE:CLASS; default v3.5.")] = None,
    unit: EngineUnit = None,
    changes: Annotated[
        list[str] | None,
        flag("NAME=VALUE", "With this parameter instead; may be given several times.", "--set"),
    ] = None,
    brackets: Annotated[str | None, flag("FILE", "Leverage brackets, ticks and steps of symbols.")] = None,
    report: Annotated[str | None, flag("FILE", "Write a report, one HTML page, to this file.")] = None,
    as_json: Json = False,
) -> int:
    """Walk positions of a file through their levels: every possible exit, bounded by worst and best.

    Exit code 1 with --strict, when a position or market data had to be left out.
    """
    from exitbrain.infrastructure.cli.simulating import simulate as run

    return run(
        given,
        positions=positions,
        candles=candles,
        policy=policy,
        unit=unit,
        changes=changes or [],
        brackets=brackets,
        report=report,
        as_json=as_json,
    )


@app.command(
    rich_help_panel=LIVE,
    epilog="Example: exitbrain serve --redis redis://127.0.0.1:6379/0 --store sqlite:///exitbrain.db",
)
def serve(
    redis: Redis = None,
    store: Store = None,
    mode: Annotated[
        str | None,
        Option(metavar="MODE", help="What is done with plans; only shadow: nothing.", show_default=False),
    ] = None,
    policy: PolicyOfNewStore = None,
    instruments: Annotated[
        str | None,
        Option(metavar="FILE", help="Ticks, steps and brackets: a file, or binance.", show_default=False),
    ] = None,
    account: Account = None,
    consumer: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="Name of this worker, the same over restarts; default the host's.",
            show_default=False,
        ),
    ] = None,
    health: Annotated[
        str | None,
        Option(
            metavar="HOST:PORT",
            help="Where health and metrics answer; default 127.0.0.1:9464.",
            show_default=False,
        ),
    ] = None,
    drain: Annotated[bool, Option("--drain", help="Record and decide, and execute nothing.")] = False,
    republish_from: Annotated[
        int | None,
        Option(metavar="N", help="Publish the log again from this position.", show_default=False),
    ] = None,
    begin_publishing_here: Annotated[
        bool,
        Option(
            "--begin-publishing-here",
            help="Publish from the end of the log on, under a new epoch; for a restored store.",
        ),
    ] = False,
) -> None:
    """Take messages from Redis streams, record what they lead to, publish it."""
    from exitbrain.infrastructure.cli.serving import run

    run(
        store=store,
        redis=redis,
        mode=mode,
        policy=policy,
        instruments=instruments,
        account=account,
        consumer=consumer,
        health=health,
        drain=drain,
        republish_from=republish_from,
        begin_publishing_here=begin_publishing_here,
    )


@dlq.command("list", epilog="Example: exitbrain dlq list --stream trade.intent")
def list_dead_letters(redis: Redis = None, stream: OfStream = None, as_json: Json = False) -> None:
    """List the refused messages, oldest first."""
    from exitbrain.infrastructure.cli.dead_letters import list_letters as run

    run(redis=redis, stream=stream, as_json=as_json)


@dlq.command("show", epilog="Example: exitbrain dlq show 1766550734062-1")
def show_dead_letter(
    entry_id: RefusedEntry, redis: Redis = None, stream: OfStream = None, as_json: Json = False
) -> None:
    """Show one refused message with its fields, and why it was refused."""
    from exitbrain.infrastructure.cli.dead_letters import show_letter as run

    run(entry_id, redis=redis, stream=stream, as_json=as_json)


@dlq.command("retry", epilog="Example: exitbrain dlq retry 1766550734062-1 --set leverage=20")
def retry_dead_letter(
    entry_id: RefusedEntry,
    corrections: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Send it with this value instead; may be given several times.",
            show_default=False,
        ),
    ] = None,
    redis: Redis = None,
    stream: OfStream = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Send a refused message again, as a new message with retry_of.

    Exit code 1, and nothing is sent, when it would be refused again, was not kept whole, or when the store has an
    accepted retry of it. Without --store the store of the settings is asked if it exists.
    """
    from exitbrain.infrastructure.cli.dead_letters import retry_letter as run

    run(entry_id, corrections or [], redis=redis, stream=stream, store=store, as_json=as_json)


@book.command(
    "close", epilog='Example: exitbrain book close BTCUSDT --price 90000 --why "closed by hand" --by alice'
)
def close_in_book(
    symbol: Annotated[str, Argument(metavar="SYMBOL", help="Symbol of the position, like BTCUSDT.")],
    why: Annotated[str, Option("--why", metavar="TEXT", help="Why the record is wrong.")],
    by: Annotated[str, Option("--by", metavar="NAME", help="Who says so.")],
    account: Annotated[
        str | None,
        Option(
            "--account",
            metavar="A",
            help="Account of the position; default EXITBRAIN_ACCOUNT, else 'default'.",
            show_default=False,
        ),
    ] = None,
    price: Annotated[
        str | None,
        Option("--price", metavar="X", help="Exit price; without it no result is known.", show_default=False),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """End a position that is open in the record alone, and cancel its plan.

    It is a message like any other, with a receipt, and a running worker publishes what comes of it. No order is sent.
    Exit code 1, and nothing ends, when no position is open.
    """
    from exitbrain.infrastructure.cli.booking import close as run

    return run(symbol, account=account, price=price, why=why, by=by, store=store, as_json=as_json)


@app.command(rich_help_panel=RECORD, epilog="Example: exitbrain ingest intents.jsonl --store sqlite:///t.db")
def ingest(
    file: Annotated[
        str,
        Argument(metavar="FILE", help="JSON lines {stream, stream_id, fields}, also gzipped; - is stdin."),
    ],
    store: Store = None,
    policy: PolicyOfNewStore = None,
    instruments: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Ticks, steps and leverage brackets; default EXITBRAIN_INSTRUMENTS, else none.",
            show_default=False,
        ),
    ] = None,
    account: Account = None,
    batch: Annotated[int, Option(metavar="N", help="Messages in one transaction, 1 to 10000.")] = 256,
    as_json: Json = False,
) -> None:
    """Take recorded messages in; one taken before is not taken again."""
    from exitbrain.infrastructure.cli.ingesting import ingest as run

    run(
        file,
        store=store,
        policy=policy,
        instruments=instruments,
        account=account,
        batch=batch,
        as_json=as_json,
    )


@app.command(
    rich_help_panel=RECORD, epilog="Example: exitbrain replay --store sqlite:///t.db --from-receipts"
)
def replay(
    from_receipts: Annotated[
        bool, Option("--from-receipts", help="Start from the raw messages, not from the recorded inputs.")
    ] = False,
    context: Annotated[
        bool, Option("--context", help="Audit what decisions read: average PnL, policy, instrument snapshot.")
    ] = False,
    engine: Annotated[
        str | None,
        Option(
            metavar="E",
            help="Compute with your own engine in place of the recorded formulas: foreign:MODULE:CLASS.",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        str | None,
        Option(
            metavar="U",
            help="Unit of your own engine, fraction or percent; default that of each recorded policy.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Compute recorded decisions again: EXACT to the bit, or what differs first."""
    from exitbrain.infrastructure.cli.replaying import replay as run

    return run(
        from_receipts=from_receipts,
        context=context,
        engine=engine,
        unit=unit,
        since=since,
        until=until,
        symbol=symbol,
        store=store,
        as_json=as_json,
    )


@app.command(
    cls=BareBreakEven,
    rich_help_panel=ASK,
    epilog="Examples: exitbrain whatif --policy v3.6; "
    "exitbrain whatif --policy v3.6 --sweep base_sl=0.002:0.01:0.001 --json",
)
@takes_flags(WalkFlags)
def whatif(
    given: WalkFlags,
    policies: Annotated[
        list[str],
        Option(
            "--policy",
            metavar="P",
            help="The policy to ask: of the store, or shipped, or your own engine foreign:MODULE:CLASS; "
            "several are a family.",
            show_default=False,
        ),
    ],
    unit: EngineUnit = None,
    settings: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="NAME=VALUE",
            help="With this parameter instead; may be given several times.",
            show_default=False,
        ),
    ] = None,
    sweeps: Annotated[
        list[str] | None,
        Option(
            "--sweep",
            metavar="NAME=FROM:TO:STEP",
            help="With each of these values; several make the grid of all combinations.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    lane: Annotated[
        str | None,
        Option(metavar="LANE", help="row or columnar; default whichever is faster.", show_default=False),
    ] = None,
    report: Annotated[
        str | None, flag("FILE", "Write a report of one policy, one HTML page, to this file.")
    ] = None,
    cluster: Cluster = None,
    export: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Write every decision before and after to a file .csv or .parquet.",
            show_default=False,
        ),
    ] = None,
    candles: Annotated[
        str | None,
        flag("PATH", "Walk the recorded positions on these candles, and judge what that would have brought."),
    ] = None,
    baseline: Annotated[
        str | None, flag("P", "Compare with this policy on candles; default what was recorded.")
    ] = None,
    seed: Annotated[int, Option(metavar="N", help="Where resampling for the judgement begins.")] = 1,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Ask what another policy would have said on the recorded decisions, and on candles what it would have brought.

    Exit code 1 with --strict, when a position or market data had to be left out.
    """
    from exitbrain.infrastructure.cli.whatif import market_flags
    from exitbrain.infrastructure.cli.whatif import whatif as run

    return run(
        names=policies,
        unit=unit,
        settings=settings or [],
        sweeps=sweeps or [],
        since=since,
        until=until,
        symbol=symbol,
        lane=lane,
        cluster=cluster,
        export=export,
        report=report,
        market=market_flags(candles, baseline, seed, given),
        store=store,
        as_json=as_json,
    )


@app.command(rich_help_panel=LOOK_UP, epilog="Example: exitbrain positions --all --symbol BTCUSDT")
def positions(
    closed: Annotated[bool, Option("--all", help="Closed positions too.")] = False,
    symbol: OfSymbol = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """List open positions with their latest levels."""
    from exitbrain.infrastructure.cli.lookups import positions as run

    run(closed=closed, symbol=symbol, store=store, as_json=as_json)


@app.command(rich_help_panel=LOOK_UP, epilog="Example: exitbrain plan 5d0c2f11")
def plan(
    plan_id: Annotated[
        str, Argument(metavar="PLAN_ID", help="Id of a plan or its position, or the beginning of it.")
    ],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show the history of one exit plan and of its position."""
    from exitbrain.infrastructure.cli.lookups import plan as run

    run(plan_id, store=store, as_json=as_json)


@app.command(
    rich_help_panel=LOOK_UP, epilog="Example: exitbrain receipt 1766550734062-1 --stream trade.intent"
)
def receipt(
    entry_id: Annotated[
        str, Argument(metavar="ENTRY_ID", help="Id of a stream entry or a receipt, or the beginning of it.")
    ],
    stream: Annotated[
        str | None, Option(metavar="NAME", help="Of this stream only, like trade.intent.", show_default=False)
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show one message, what became of it, and what it led to."""
    from exitbrain.infrastructure.cli.lookups import receipt as run

    run(entry_id, stream=stream, store=store, as_json=as_json)


@app.command(rich_help_panel=SETUP, epilog="Example: exitbrain doctor --json")
def doctor(store: Store = None, redis: Redis = None, as_json: Json = False) -> int:
    """Show the effective settings, and check what they name.

    Exit code 3 when the store, the instruments file, or a Redis that was named does not work; the venue is only reported.
    """
    from exitbrain.infrastructure.cli.checkup import doctor as run

    return run(store=store, redis=redis, as_json=as_json)


@app.command(rich_help_panel=SETUP)
def version(as_json: Json = False) -> None:
    """Print the version."""
    from exitbrain.infrastructure.cli.about import version as run

    run(as_json=as_json)


@app.command(rich_help_panel=SETUP)
def demo(
    keep: Annotated[
        str | None,
        Option(
            metavar="FOLDER",
            help="Keep the files in this new or empty folder; default exitbrain-demo.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Tell the whole story with synthetic messages; needs no server.

    Every command of the tour is shown and checked. Exit code 1 when something it claims is not true.
    """
    from exitbrain.infrastructure.cli.demo import demo as run

    return run(app, keep=keep, as_json=as_json)


@audit.command("lsf", epilog="Example: exitbrain audit lsf --since 2026-01-01 --csv lsf.csv")
def audit_lsf(
    since: Since = None,
    until: Until = None,
    symbol: OfSymbol = None,
    position: Annotated[
        str | None,
        Option(
            metavar="ID", help="Of this position only: its id, or the beginning of it.", show_default=False
        ),
    ] = None,
    decision: Annotated[
        str | None,
        Option(
            metavar="ID", help="At this decision only: its id, or the beginning of it.", show_default=False
        ),
    ] = None,
    policy: Annotated[
        str | None, Option(metavar="P", help="Decided under this policy only, like v3.6.", show_default=False)
    ] = None,
    cause: Annotated[
        str | None,
        Option(metavar="C", help="Of decisions with this cause only, like INTENT.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        Option(
            metavar="N",
            help="Show the newest N, 0 for all; default 200 in a table, all in JSON and CSV.",
            show_default=False,
        ),
    ] = None,
    closes: Annotated[
        bool, Option("--closes", help="Show the closes behind each average PnL, in a table or in JSON.")
    ] = False,
    store: Store = None,
    form: Annotated[str, Option("--format", metavar="F", help="On stdout: table or csv.")] = "table",
    csv_file: Annotated[
        str | None,
        Option("--csv", metavar="FILE", help="Write CSV to a file; - is stdout.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain every change of the adjusted LSF: what leverage, average PnL, confidence and policy did to it.

    A change is that from the decision before, of the same account and symbol; the flags select by the later of the two.
    """
    from exitbrain.infrastructure.cli.auditing import Asked
    from exitbrain.infrastructure.cli.auditing import audit_lsf as run

    asked = Asked(
        since=since,
        until=until,
        symbol=symbol,
        position=position,
        decision=decision,
        policy=policy,
        cause=cause,
    )
    run(asked, limit=limit, closes=closes, store=store, form=form, csv_file=csv_file, as_json=as_json)


@lab.command("lookahead", epilog="Example: exitbrain lab lookahead --policy v3.6 --store sqlite:///t.db")
def lookahead(
    policies: Annotated[
        list[str] | None,
        Option(
            "--policy",
            metavar="P",
            help="This policy, or your own engine foreign:MODULE:CLASS; may be given several times; default all.",
            show_default=False,
        ),
    ] = None,
    unit: EngineUnit = None,
    store: Store = None,
    positions: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Instead of a store: positions as simulate takes them; needs --candles.",
            show_default=False,
        ),
    ] = None,
    candles: Annotated[
        str | None,
        Option(metavar="DIR", help="Candles to walk the positions on.", show_default=False),
    ] = None,
    brackets: Annotated[
        str | None,
        Option(metavar="FILE", help="Ticks, steps and leverage brackets.", show_default=False),
    ] = None,
    cuts: Annotated[int, Option(metavar="N", help="Moments after which everything is perturbed.")] = 8,
    messages: Annotated[
        int, Option(metavar="N", help="How many messages of the record, from its first.")
    ] = 1000,
    as_json: Json = False,
) -> int:
    """Perturb everything after a moment: no decision or exit by then may move.

    Exit code 1 when one moved.
    """
    from exitbrain.infrastructure.cli.lookahead import LookaheadFlags
    from exitbrain.infrastructure.cli.lookahead import lookahead as run

    flags = LookaheadFlags(
        policies=policies or [],
        unit=unit,
        store=store,
        positions=positions,
        candles=candles,
        brackets=brackets,
        cuts=cuts,
        messages=messages,
    )
    return run(flags, as_json=as_json)


@export.command("parquet", epilog="Example: exitbrain export parquet --store sqlite:///t.db")
def export_parquet(
    folder: Annotated[
        str | None,
        Argument(
            metavar="DIR",
            help="Folder of the mirror; default EXITBRAIN_MIRROR, else PATH.mirror beside an SQLite store.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool, Option("--verify", help="Write nothing; compare every segment with the store, bit by bit.")
    ] = False,
    rebuild: Annotated[bool, Option("--rebuild", help="Write every segment anew.")] = False,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Mirror the decisions of a store as Parquet segments, for replays and what-ifs over millions.

    Goes on where the last export ended; a damaged segment is named and rebuilt. With --verify exit code 1 when the
    mirror differs from the store.
    """
    from exitbrain.infrastructure.cli.exporting import export_parquet as run

    return run(folder, store=store, verify=verify, rebuild=rebuild, as_json=as_json)


@policy.command("list", epilog="Example: exitbrain policy list --store sqlite:///t.db")
def list_policies(store: Store = None, as_json: Json = False) -> None:
    """List the policies of a store, or those that this version ships."""
    from exitbrain.infrastructure.cli.policies import list_policies as run

    run(store=store, as_json=as_json)


@policy.command("show", epilog="Example: exitbrain policy show v3.6")
def show_policy(
    name: Annotated[str, Argument(metavar="NAME", help="Name of the policy.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show one policy with all its parameters."""
    from exitbrain.infrastructure.cli.policies import show_policy as run

    run(name, store=store, as_json=as_json)


@policy.command("diff", epilog="Example: exitbrain policy diff v3.5-fraction v3.6")
def diff_policies(
    a: Annotated[str, Argument(metavar="A", help="One policy.")],
    b: Annotated[str, Argument(metavar="B", help="The other.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two policies, and the levels of both at some leverages."""
    from exitbrain.infrastructure.cli.policies import diff_policies as run

    run(a, b, store=store, as_json=as_json)


for _commands in (app, audit, policy, export, dlq, book, lab):
    for _command in _commands.registered_commands:
        _command.cls = _command.cls if _command.cls is BareBreakEven else OneValueEach
