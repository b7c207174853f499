"""Level engines: compiled formulas, foreign engines, the tests an engine must pass."""
