"""The live path: messages from streams into decisions, decisions out to streams, and the watch over it."""
