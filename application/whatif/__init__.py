"""Another policy on the same record: decisions and outcomes."""
