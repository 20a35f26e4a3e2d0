"""Pages of the guide that are made from files outside of docs/, and the lists of pages that a folder stands for.

A hook of mkdocs (mkdocs.yml): ARCHITECTURE.md, CHANGELOG.md and each example (its README and its programs) become pages, so
that what the guide shows is what is in the repository. It writes no files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
LANGUAGES = {".py": "python", ".js": "javascript"}
OPERATIONS_FIRST = ("operations.md", "configuration.md", "cli.md")
"""Of the pages about operating the broker those that come first; the others follow by name."""


def examples() -> list[Path]:
    """Folders of the examples in the order of the table in examples/README.md."""
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    return [EXAMPLES / name for name in re.findall(r"^\| \[(\w+)\]\(\1/\) \|", table, re.MULTILINE)]


def title_of(path: Path) -> str:
    """The first heading."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line[2:].strip()
    raise ValueError(f"{path} has no heading")


def example_page(folder: Path) -> str:
    """The README, then the programs: those that the README names first."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    programs = [path for path in folder.iterdir() if path.suffix in LANGUAGES and path.name != "__init__.py"]

    def place(path: Path) -> tuple[int, str]:
        found = readme.find(f"`{path.name}")
        return (found if found >= 0 else len(readme), path.name)

    parts = [readme, "\n## The programs\n"]
    for path in sorted(programs, key=place):
        code = path.read_text(encoding="utf-8")
        parts.append(f"\n### `{path.name}`\n\n````{LANGUAGES[path.suffix]}\n{code}````\n")
    return "".join(parts)


def generated_pages() -> dict[str, str]:
    """Path below docs/ and content."""
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    pages = {
        "design/architecture.md": (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "examples/index.md": re.sub(r"\]\((\w+)/\)", r"](\1.md)", table),
    }
    for folder in examples():
        pages[f"examples/{folder.name}.md"] = example_page(folder)
    return pages


def folder_nav(folder: str, named: set[str]) -> list[dict[str, str]]:
    """Pages that a folder of the navigation stands for; `named` are those that the navigation names itself."""
    docs = ROOT / "docs"
    if folder == "examples":
        listed = [{"All of them": "examples/index.md"}]
        return listed + [{title_of(path / "README.md"): f"examples/{path.name}.md"} for path in examples()]
    if folder == "operations":
        pages = sorted(path for path in docs.glob("*.md") if path.name not in named)
        first = [docs / name for name in OPERATIONS_FIRST if docs / name in pages]
        pages = first + [path for path in pages if path not in first]
    else:
        pages = sorted((docs / folder).glob("*.md"))
    return [{title_of(path): path.relative_to(docs).as_posix()} for path in pages]


def pages_in(nav: Any) -> set[str]:
    """Pages that the navigation names."""
    if isinstance(nav, list):
        return {page for entry in nav for page in pages_in(entry)}
    if isinstance(nav, dict):
        return pages_in(list(nav.values()))
    return {str(nav)}


def filled(nav: Any, named: set[str]) -> Any:
    """The navigation with folders (`decisions/`) replaced by their pages."""
    if isinstance(nav, list):
        return [filled(entry, named) for entry in nav]
    if isinstance(nav, dict):
        return {name: filled(entry, named) for name, entry in nav.items()}
    if isinstance(nav, str) and nav.endswith("/"):
        return folder_nav(nav.rstrip("/"), named)
    return nav


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = filled(config.nav, pages_in(config.nav))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path, content in generated_pages().items():
        files.append(File.generated(config, path, content=content))
    return files
