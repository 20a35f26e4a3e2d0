"""Makes tests/ importable for the modules in tests/simulation."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
