"""The tolerant shapes of messages from outside and the strict shapes of those that leave."""
