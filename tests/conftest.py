"""What all tests share: properties are not held to a wall time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("symbench", deadline=None)  # a busy machine is not a counterexample
settings.load_profile("symbench")
