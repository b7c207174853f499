"""Incoming messages, receipts, claimed keys, and the result returned to the sender."""
