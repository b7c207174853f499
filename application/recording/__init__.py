"""Recording messages and the decisions they lead to: intake, planning, recorder, caches."""
