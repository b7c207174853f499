"""The simulation of a position's exits on candles, with the worst and the best result."""
