"""The live path under simulated faults: one seed decides a whole run, and gives the same bytes every time."""
