"""The adapters behind the ports, and the drivers in front of the use cases."""
