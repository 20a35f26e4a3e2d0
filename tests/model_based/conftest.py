"""Makes tests/ importable: the driver stands there."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
