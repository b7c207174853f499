"""The rules of exits: values, formulas, guards, aggregates and their events. Pure: the standard library and `Struct`."""
