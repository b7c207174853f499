"""The live worker as a process: threads for the store, signals, wiring."""
