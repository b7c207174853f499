"""One walker: the exits of a position on candles, with bounds."""
