"""The tour: a script of commands, and their synthetic input."""
