"""The conversations of the use cases with the outside, as protocols."""
