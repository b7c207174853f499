"""The Python API for hosts: the facade, and drop-ins for the names of the old engine."""
