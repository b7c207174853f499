"""The column kernel: the walk of many positions through the candles of one market, bit for bit as the row walk."""
