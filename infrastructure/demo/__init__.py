"""The tour: a script of commands, and what it feeds them."""
