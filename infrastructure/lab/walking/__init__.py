"""The compiled walk of many positions through one market, equal to the row walk bit for bit."""
