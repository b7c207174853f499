"""Where tick sizes, step sizes and brackets come from."""
