"""Judging policies by what they would have brought: paired days, walk-forward folds, verdicts, attribution, measures."""
