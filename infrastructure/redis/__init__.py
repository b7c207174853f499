"""Streams: source, publisher, refused messages."""
