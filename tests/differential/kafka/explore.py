"""python -m differential.kafka.explore [SCENARIO ...]: every difference of the scenarios, all of them without names.

With src, tests and the root on PYTHONPATH. Unlike the test it goes on after a difference.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from differential.kafka.brokers import both
from differential.kafka.compare import compared
from differential.kafka.scenarios import SCENARIOS


def main() -> int:
    names = sys.argv[1:] or list(SCENARIOS)
    found = 0
    with tempfile.TemporaryDirectory(prefix="differential") as directory, both(Path(directory)) as brokers:
        for name in names:
            differences = compared(SCENARIOS[name], *brokers, name)
            found += len(differences)
            print(f"=== {name}: {len(differences)} differences", flush=True)
            for difference in differences:
                print(f"{difference}\n", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
