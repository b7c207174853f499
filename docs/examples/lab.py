# %% [markdown]
# # Would a wider stop have done better?
#
# This notebook goes from recorded messages and candles to a verdict, offline and in a few seconds. It needs the extra
# `exitbrain[lab]`. `lab.py` beside it is the same as a program.
#
# The record is synthetic: `exitbrain lab example` writes 45 days of three symbols. Three in ten positions meet a short dip
# beyond their stop that comes back at once.

# %%
import subprocess


def exitbrain(command: str) -> None:
    """Run a command and print what it says."""
    done = subprocess.run(["exitbrain", *command.split()], check=True, capture_output=True, text=True)
    print(done.stdout.strip())


exitbrain("lab example wicks --effect wicks --seed 7")

# %% [markdown]
# Your own messages come from your streams or from a file of JSON lines. They are recorded once:

# %%
STORE = "sqlite:///wicks/example.db"
exitbrain(f"ingest wicks/messages.jsonl --instruments wicks/instruments.json --policy v3.6 --store {STORE}")

# %% [markdown]
# ## The outcomes
#
# Each recorded position is walked through the candles with the levels as recorded, and with three other stops. A close by
# the old stop does not end a policy with another stop. `outcomes` returns what `exitbrain whatif --candles` prints, and
# what its `--table` writes.

# %%
from exitbrain import ExitBrain

STOPS = [{"base_sl": base_sl} for base_sl in (0.0055, 0.0075, 0.0095)]
with ExitBrain.open(STORE) as brain:
    outcomes = brain.outcomes("v3.6", *STOPS, candles="wicks/candles")

table = outcomes.table()
print(f"{table.num_rows:,} rows, {table.num_columns} columns")
for assumed in outcomes.assumptions:
    print(f"assumed: {assumed.field} {assumed.value}, {assumed.why}")

# %% [markdown]
# ## The table, with Arrow
#
# One row is one position under one policy: -1 the fills as traded, 0 the levels as recorded, from 1 the candidates.

# %%
import pyarrow.compute as pc

names = {row["policy"]: row["name"] for row in outcomes.policies().to_pylist()}
counted = table.filter(pc.field("counted"))
totals = counted.group_by("policy").aggregate(
    [("net_committed_pessimistic", "sum"), ("net_committed_optimistic", "sum"), ("went_on", "sum")]
)
for row in totals.sort_by("policy").to_pylist():
    print(
        f"{names[row['policy']]:<20} {row['net_committed_pessimistic_sum']:+8.4f} to "
        f"{row['net_committed_optimistic_sum']:+8.4f}, {row['went_on_sum']:3} went on after the recorded close"
    )

# %% [markdown]
# The numbers are sums of results as fractions of the capital committed, net of costs. The schema has the unit and the
# meaning of every column:

# %%
field = table.schema.field("net_committed_pessimistic")
print({key.decode(): text.decode() for key, text in field.metadata.items()})

# %% [markdown]
# ## The table, with pandas
#
# Where does the difference come from? From the positions that the recorded stop closed:

# %%
frame = outcomes.to_pandas()
wider = frame[(frame["policy"] == 2) & frame["counted"]]
by_end = wider.groupby("ended_by")["difference_committed_lower"].agg(["count", "sum"])
for ended_by, row in by_end.iterrows():
    print(f"closed by {ended_by}: {row['count']:.0f} positions, difference {row['sum']:+.4f}")

# %% [markdown]
# And what happened to one of them, leg by leg:

# %%
gained = wider.sort_values(["difference_committed_lower", "position_id"]).iloc[-1]
print(f"{gained['symbol']} {gained['side']} at {gained['entry_price']}, {gained['opened_at']:%Y-%m-%d %H:%M}")
legs = outcomes.legs().filter(
    (pc.field("position_id") == gained["position_id"]) & (pc.field("bound") == "pessimistic")
)
for leg in legs.to_pylist():
    if leg["policy"] in (-1, 2):
        print(
            f"  {names[leg['policy']]:<20} {leg['fraction']:.2f} at {leg['price']:.2f} ({leg['level']}, {leg['at']:%H:%M})"
        )

# %% [markdown]
# ## The verdict
#
# The best policy in hindsight proves nothing. The verdict on a family comes from choosing on past days and judging on the
# days that followed:

# %%
best, verdict = outcomes.best(), outcomes.verdict()
print("best in hindsight:", best.policy, "-", best.evidence.verdict, best.evidence.reason)
print("walk forward:", verdict.evidence.verdict, verdict.evidence.reason, "in", verdict.unit)
interval = verdict.evidence.interval
print(f"a day differs by {interval.lower:+.4f} to {interval.upper:+.4f} with 95 % confidence")

# %% [markdown]
# With `--effect none` the same positions meet no dips. Run it again with `none` in the place of `wicks`: the verdict is
# `inconclusive`.
