"""The tree of commands: every one helps with an example, gives JSON, is in docs/cli.md with its test; the start is quick."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from onemq.cli.main import COMMANDS, main
from tidy.repository import ROOT


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(main))
DOCUMENT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_the_command_helps_with_an_example_and_can_speak_json(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*path, "--help"], prog_name="onemq")
    assert done.exit_code == 0
    _, found, examples = done.output.partition("Example:")
    assert found and f"onemq {' '.join(path)}" in examples
    names = {option for parameter in ALL[path].params for option in parameter.opts}
    assert "--json" in names or path == ("serve",)


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_the_command_has_a_row_that_names_its_test(path: tuple[str, ...]) -> None:
    row = re.search(rf"^\| `onemq {' '.join(path)}[ `].*\| `(\w+\.py)::(\w+)` \|$", DOCUMENT, re.MULTILINE)
    assert row is not None, f"docs/cli.md has no row for onemq {' '.join(path)}"
    files = [*ROOT.glob(f"tests/clients/cli/{row[1]}"), *ROOT.glob(f"tests/unit/cli/{row[1]}")]
    assert any(f"def {row[2]}(" in file.read_text(encoding="utf-8") for file in files)


def test_help_lists_all_and_the_lines_of_help_are_the_commands_own() -> None:
    text = CliRunner().invoke(main, ["--help"], prog_name="onemq").output
    for title, section in COMMANDS.items():
        assert f"{title}:" in text
        for name, (_, line) in section.items():
            assert re.search(rf"^  {name} +{re.escape(line[:30])}", text, re.MULTILINE), name


@pytest.mark.parametrize("arguments", ["--help", "serve --help", "--version"])
def test_the_start_is_quick(arguments: str) -> None:
    """What takes long to import is left until it is needed."""
    script = (
        "import sys\nfrom onemq.cli.main import main\n"
        f"main({arguments.split()!r}, standalone_mode=False)\n"
        "loaded = {'rich', 'asyncio', 'http.client', 'onemq.app.server', 'onemq.engine.access'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_an_unknown_command_is_one_line_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "onemq", "queues", "lst"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "'lst'" in done.stderr and "onemq queues --help" in done.stderr
