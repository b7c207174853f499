"""The process behind `serve`: threads, tail of the log, signals."""
