"""python -m differential.explore FIRST_SEED COUNT [THEME]: prints every difference, shortened."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from differential.brokers import both
from differential.compare import Comparison
from differential.generator import script_of


def main() -> int:
    first, count = int(sys.argv[1]), int(sys.argv[2])
    theme = sys.argv[3] if len(sys.argv) > 3 else None
    found = 0
    with tempfile.TemporaryDirectory(prefix="differential") as directory, both(Path(directory)) as ports:
        comparison = Comparison(*ports)
        for seed in range(first, first + count):
            difference = comparison.check(script_of(seed, theme))
            if difference is not None:
                found += 1
                print(f"=== seed {seed}\n{comparison.shorten(difference)}\n", flush=True)
        print(f"{count} seeds, {found} differences, {comparison.doubtful} doubtful")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
