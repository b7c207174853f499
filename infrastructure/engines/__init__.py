"""Level engines: the compiled formulas, foreign engines, and an engine under the look-ahead test."""
