"""What arrives: messages, receipts, claimed keys, and the result told to the sender."""
