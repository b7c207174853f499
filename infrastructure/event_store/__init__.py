"""SQLite, PostgreSQL and memory behind ExitLedger: mapper, recorders, log reader, parallel replay."""
