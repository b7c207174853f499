"""The language of ExitBrain: values, formulas, guards, aggregates and their events; pure: the standard library and `Struct`."""
