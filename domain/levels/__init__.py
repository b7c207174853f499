"""Level inputs and raw levels, instruments, rounding, slices, liquidation, guards."""
