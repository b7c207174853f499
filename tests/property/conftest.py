"""How the properties are searched: without deadlines, and in CI the same examples in every run."""

import os

from hypothesis import settings

settings.register_profile("exitbrain", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("exitbrain")
