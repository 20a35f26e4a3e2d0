"""What the tidy tests look at: the repository's files. Decides nothing about them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "onemq"
FOREIGN = (
    "tests/clients/node/seeds/",
    "tests/clients/kafka_programs/node/seeds/",
    "tests/clients/kafka_programs/java/seeds/",
)
"""Programs of other people, kept as they are: they are what clients really run."""


@cache
def tracked() -> tuple[str, ...]:
    """Paths of everything under version control, and of what would be added to it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no git")
    if found.returncode:
        pytest.skip("not a git repository")
    return tuple(path for path in found.stdout.splitlines() if (ROOT / path).is_file())


@cache
def texts() -> dict[str, str]:
    """The project's own text files: path and content."""
    found: dict[str, str] = {}
    for path in tracked():
        if path.startswith(FOREIGN):
            continue
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            found[path] = data.decode("utf-8", "replace")
    return found


def modules() -> list[str]:
    """Paths of the product's modules, relative to its package."""
    return sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
