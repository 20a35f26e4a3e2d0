"""The guide shows nothing that is not run: its programs come from files, its tests exist, its examples are complete."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tidy.repository import ROOT, texts

EXAMPLES = ROOT / "examples"
FIRST_STEPS = EXAMPLES / "first_steps"
BUILD_SECONDS_MAX = 60
PROGRAMS = {"python", "sh", "bash", "console", "javascript", "java"}
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r'^--8<-- "([^":]+)[^"]*"$')

GUIDE = ("index.md", "concepts.md", "guarantees.md", "protocols/index.md", "migrating")
"""Pages whose every program and command is included from a file that a test runs."""


def guide_pages() -> list[Path]:
    found: list[Path] = []
    for name in GUIDE:
        path = ROOT / "docs" / name
        found += sorted(path.glob("*.md")) if path.is_dir() else [path]
    return found


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of the fenced blocks."""
    return [(match[1], match[2]) for match in FENCE.finditer(text)]


def without_docstring(path: Path) -> str:
    code = path.read_text(encoding="utf-8")
    end = ast.parse(code).body[0].end_lineno
    assert end is not None
    return "\n".join(code.splitlines()[end:]).strip()


def folders_of_examples() -> list[Path]:
    return sorted(path.parent for path in EXAMPLES.glob("*/__init__.py"))


@pytest.mark.parametrize("page", guide_pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_programs_of_the_guide_come_from_files_that_are_run(page: Path) -> None:
    typed, unknown = [], []
    for language, content in blocks(page.read_text(encoding="utf-8")):
        for line in content.splitlines():
            included = SNIPPET.match(line)
            if included is None and language in PROGRAMS:
                typed.append(line)
            elif included is not None and not included[1].startswith("examples/"):
                unknown.append(line)
    assert typed == [], "programs and commands are included from examples/, where tests run them"
    assert unknown == []


def test_the_programs_of_the_readme_are_those_that_are_run() -> None:
    shown = [content.strip() for language, content in blocks(texts()["README.md"]) if language == "python"]
    run = [without_docstring(FIRST_STEPS / f"with_{name}.py") for name in ("amqp", "kafka", "sqs")]
    run.append(without_docstring(FIRST_STEPS / "test_inside.py"))
    assert shown == run


def test_programs_that_are_named_are_there() -> None:
    named = [
        (path, module)
        for path, text in texts().items()
        if path.endswith((".md", ".sh")) or path.startswith("examples/")
        for module in re.findall(r"python -m (examples(?:\.\w+)+)", text)
    ]
    assert len(named) > 20

    def exists(module: str) -> bool:
        place = ROOT.joinpath(*module.split("."))
        return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()

    assert [(path, module) for path, module in named if not exists(module)] == []


def test_tests_that_the_guide_names_are_there() -> None:
    there: set[str] = set()
    for path, text in texts().items():
        if path.startswith("tests/") and path.endswith(".py"):
            there |= set(re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE))
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in guide_pages()
        for name in re.findall(r"`(?:[\w/.]+::)?(test_\w+)`", page.read_text(encoding="utf-8"))
        if name not in there
    ]
    assert missing == []


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 30
    assert [row for row in rows if set(row) - set("|- ") and not re.search(r"`test_\w+`[^|]*\|$", row)] == []


@pytest.mark.parametrize("folder", folders_of_examples(), ids=lambda folder: folder.name)
def test_an_example_has_a_readme_and_a_test(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    command = f"python -m examples.{folder.name}"
    assert command in readme, "how it is run"
    named = re.findall(r"tests/examples/test_\w+\.py", readme)
    assert named and all((ROOT / path).is_file() for path in named)
    if folder != FIRST_STEPS:
        assert f"[{folder.name}]({folder.name}/)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


def build(folder: Path, broken: str = "") -> subprocess.CompletedProcess[str]:
    """The guide, with something wrong at the end of its first page."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    with (folder / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write(broken)
    (folder / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: docs\nsite_dir: site\nhooks: [{ROOT / 'tools' / 'guide_pages.py'}]\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", str(folder / "mkdocs.yml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
    )


def test_the_guide_is_built(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="TOOLCHAIN MISSING: mkdocs is not installed (group docs)")
    built = build(tmp_path)
    assert built.returncode == 0, built.stderr
    assert "basic_publish" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "broken", ["[x](nowhere.md)", "[x](concepts.md#nowhere)", '--8<-- "examples/nowhere.py"']
)
def test_what_is_broken_fails_the_build(broken: str, tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="TOOLCHAIN MISSING: mkdocs is not installed (group docs)")
    built = build(tmp_path, f"\n{broken}\n")
    assert built.returncode != 0
    assert "nowhere" in built.stderr + built.stdout
