"""Attacks on the product: a hostile producer, giver of files or neighbour, a careless operator."""
