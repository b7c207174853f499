"""The index: where in the log the things lie that people look up; made from the log, never its source."""
