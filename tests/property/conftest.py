"""How the properties are searched: without deadlines, and in CI the same examples in every run."""

import os

from hypothesis import settings

from tests.effort import share_of

settings.register_profile(
    "exitbrain",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    max_examples=share_of(100, one_in=2),
)
settings.load_profile("exitbrain")
