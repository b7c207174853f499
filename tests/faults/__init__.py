"""What the live path keeps under faults: simulated ones in virtual time, and real ones on real processes."""
