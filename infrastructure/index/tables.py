"""The tables of the index. Nothing in them but keys, log positions and what lists are filtered by.

The log position is the row id of most tables, so every index on a column also orders its rows by log position.
"""

FORMAT = 1
"""The format of the tables. An index of another format is thrown away and built again."""

LAST_POSITION = 2**31 - 1
"""The highest log position that the R-tree can hold."""

_DECISIONS = (
    "CREATE TABLE decisions "
    "(pos INTEGER PRIMARY KEY, id BLOB, plan BLOB, computed, symbol, account, policy, cause, occurred_us)"
)

CREATED = (
    "CREATE TABLE state (format INTEGER, store BLOB, upto INTEGER, stream TEXT, version INTEGER, hash BLOB)",
    "INSERT INTO state (upto) VALUES (0)",
    _DECISIONS,
    "CREATE TABLE findings (guard TEXT, state TEXT, pos INTEGER, PRIMARY KEY (guard, state, pos)) WITHOUT ROWID",
    "CREATE TABLE positions (opened INTEGER PRIMARY KEY, id BLOB, symbol TEXT, closed INTEGER)",
    "CREATE INDEX positions_id ON positions (id)",
    "CREATE VIRTUAL TABLE lifespans USING rtree_i32(opened, first, last)",
    "CREATE TABLE plans (pos INTEGER PRIMARY KEY, id BLOB, position BLOB)",
    "CREATE TABLE receipts (pos INTEGER PRIMARY KEY, id BLOB, entry_id, source, stream, disposition, reason)",
    "CREATE TABLE orders (order_id TEXT, receipt INTEGER, PRIMARY KEY (order_id, receipt)) WITHOUT ROWID",
    "CREATE TABLE totals (what, value, state, count, PRIMARY KEY (what, value, state)) WITHOUT ROWID",
    "CREATE TABLE unreadable (pos INTEGER PRIMARY KEY, topic TEXT, why TEXT)",
)

KEYS = (
    "CREATE INDEX IF NOT EXISTS decisions_id ON decisions (id)",
    "CREATE INDEX IF NOT EXISTS decisions_plan ON decisions (plan)",
    "CREATE INDEX IF NOT EXISTS decisions_symbol ON decisions (symbol)",
    "CREATE INDEX IF NOT EXISTS decisions_account ON decisions (account)",
    "CREATE INDEX IF NOT EXISTS decisions_policy ON decisions (policy)",
    "CREATE INDEX IF NOT EXISTS decisions_cause ON decisions (cause)",
    "CREATE INDEX IF NOT EXISTS decisions_time ON decisions (symbol, occurred_us)",
    "CREATE INDEX IF NOT EXISTS positions_symbol ON positions (symbol)",
    "CREATE INDEX IF NOT EXISTS positions_open ON positions (opened) WHERE closed IS NULL",
    "CREATE INDEX IF NOT EXISTS plans_id ON plans (id)",
    "CREATE INDEX IF NOT EXISTS plans_position ON plans (position)",
    "CREATE INDEX IF NOT EXISTS receipts_id ON receipts (id)",
    "CREATE INDEX IF NOT EXISTS receipts_entry ON receipts (entry_id)",
    "CREATE INDEX IF NOT EXISTS receipts_disposition ON receipts (disposition)",
    "CREATE INDEX IF NOT EXISTS receipts_reason ON receipts (reason) WHERE reason IS NOT NULL",
)
"""The indexes that only questions need; made when the log has been read, which is faster than filling them meanwhile."""

COMPARED = {
    "decisions": "pos",
    "findings": "guard, state, pos",
    "positions": "opened",
    "lifespans": "opened",
    "plans": "pos",
    "receipts": "pos",
    "orders": "order_id, receipt",
    "totals": "what, value, state",
    "unreadable": "pos",
}
"""Every table whose rows follow from the log, with the order in which its rows are compared."""
