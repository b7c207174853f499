"""How every file that is read is opened, unpacked and cut into lines, within limits that settings set."""
