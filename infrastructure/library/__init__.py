"""The Python API for hosts: the facade, what goes in and comes out around it, and the drop-ins for the old names."""
