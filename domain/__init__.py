"""The language of ExitBrain: values, formulas, guards, aggregates and their events; pure standard library."""
