"""The level engines behind the level engine port."""
