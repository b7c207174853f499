"""The compiled simulation of many positions in one market, equal to the row simulation bit for bit."""
