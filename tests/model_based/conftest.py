"""Makes tests/ importable, and has a longer run for the night: HYPOTHESIS_PROFILE=long."""

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))

settings.register_profile("short", max_examples=60, stateful_step_count=60, deadline=None)
settings.register_profile("long", max_examples=5000, stateful_step_count=120, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))
