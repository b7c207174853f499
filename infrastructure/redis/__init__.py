"""The Redis adapters of the live path: entries in from streams, published entries out."""
