"""The demonstration: synthetic messages and the story told with them."""
