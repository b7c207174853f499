"""The walk of a position through its levels on market data: every exit that is possible, bounded, none chosen."""
