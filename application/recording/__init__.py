"""Messages in, decisions saved: intake, planning, recorder, caches."""
