"""How files are opened, unpacked, cut into lines and written, within the limits of the settings."""
