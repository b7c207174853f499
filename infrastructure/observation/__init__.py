"""What the live path shows of itself: its log, its metrics, its health."""
