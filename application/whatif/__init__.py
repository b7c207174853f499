"""Other policies on the same record: decisions and outcomes."""
