"""What must stay as it is while the code is rearranged: bytes, fingerprints, ids, entries, JSON, exit codes, walks.

Each pin is a JSON file in `pins/`, written from the code as it was before the rearrangement began. A test makes the
same things again from fixed seeds, clocks and ids, and names what differs. Nothing in a pin depends on the machine, the
version of Python or of a package, the time zone or the folder.

Everything that is touched of the product is imported in `subject.py`: when a module moves, change that file.

`python -m tests.equality.renew` writes the pins anew. Run it only with a change that is meant to change what users or
stored bytes see, and say in the commit which pin changed and why. While modules are moved, renamed or merged no pin
may change, so it must not be run then. `python -m tests.equality.renew --show FOLDER` leaves the pins alone and writes
the full texts behind the hashes to a folder: run it in two checkouts and compare the folders to see what differs.
"""
