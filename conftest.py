"""For all tests: none is judged by the clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("onemq", deadline=None)
settings.load_profile("onemq")
