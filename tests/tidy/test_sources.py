"""Names, docstrings, left-overs, import contracts: what a reviewer should not have to look for."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tidy.repository import ROOT, SOURCE, modules, texts

NAMELESS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
"""Names that say nothing of what is in the file."""
ARCHITECTURE_LINES_MAX = 200

# In pieces, so that this file does not find itself.
MARKERS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me")) + r")/\w")
REGISTRIES = re.compile(
    "|".join(re.escape(name + "." + end) for name, end in (
        ("py" + "pi", "org"),
        ("files.python" + "hosted", "org"),
        ("registry.np" + "mjs", "org"),
        ("repo.maven." + "apache", "org"),
        ("repo1." + "maven", "org"),
        ("proxy.go" + "lang", "org"),
    ))
)  # fmt: skip


# A member `_thread` is `__thread` in what mypyc writes, which is a word of C.
WORDS_OF_C = re.compile(
    r"\bself\._(?:alignof|asm|attribute|const|extension|inline|restrict|signed|thread|typeof|volatile)\b"
)


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path, text in texts().items():
        if pattern.search(text):
            for number, line in enumerate(text.splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path}:{number}: {line.strip()[:100]}")
    return found


def test_modules_are_named_for_what_they_do() -> None:
    parts = {part for path in texts() if path.endswith(".py") for part in Path(path).with_suffix("").parts}
    assert sorted(parts & NAMELESS) == []


def test_every_module_says_what_it_is_for() -> None:
    silent = []
    for path, text in texts().items():
        if path.endswith(".py") and text.strip() and not ast.get_docstring(ast.parse(text)):
            silent.append(path)
    assert silent == []


def test_no_left_over_markers() -> None:
    assert lines_with(MARKERS) == []


def test_no_paths_of_one_machine() -> None:
    assert lines_with(MACHINE_PATHS) == []


def test_no_package_registries() -> None:
    """Where packages come from is the business of who installs them."""
    assert lines_with(REGISTRIES) == []


def test_no_member_is_a_word_of_c_once_compiled() -> None:
    compiled = tuple(
        f"src/onemq/{folder}/" for folder in ("model", "engine", "storage", "wire", "heads", "net")
    )
    assert [line for line in lines_with(WORDS_OF_C) if line.startswith(compiled)] == []


def test_the_architecture_can_be_read_in_one_go() -> None:
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < ARCHITECTURE_LINES_MAX


def test_the_architecture_names_what_is_there() -> None:
    """Modules that it points to with a path exist."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9_]+(?:/[a-z0-9_]+)*\.py)`", text))
    there = set(modules())
    missing = [
        path
        for path in sorted(named)
        if path not in there and not any(has.endswith("/" + path) for has in there)
    ]
    assert missing == []


def test_import_contracts_hold() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    found = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE.parent), "PATH": ""}
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_contracts_are_there() -> None:
    """A linter without contracts is always content."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert text.count("[[tool.importlinter.contracts]]") >= 4
    assert "exhaustive = true" in text
