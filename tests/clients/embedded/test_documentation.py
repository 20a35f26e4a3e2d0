"""docs/testing-with-onemq.md: every example of it runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import onemq

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]
NODE_TESTS = ROOT / "tests" / "clients" / "node"
EXAMPLE = re.compile(r'^```(python|javascript) title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
RUN_SECONDS_MAX = 110

PAGE = (ROOT / "docs" / "testing-with-onemq.md").read_text(encoding="utf-8")
EXAMPLES = {title: text for language, title, text in EXAMPLE.findall(PAGE) if language == "python"}
FIRST_STEP = ROOT / "examples" / "first_steps" / "test_inside.py"
"""README shows it, too."""
NODE_EXAMPLES = {title: text for language, title, text in EXAMPLE.findall(PAGE) if language == "javascript"}


def source_directory() -> str:
    return str(Path(onemq.__file__).resolve().parents[1])


def test_all_examples_are_found() -> None:
    assert len(EXAMPLES) >= 6
    assert len(NODE_EXAMPLES) == 1
    assert PAGE.count("```python") == len(EXAMPLES)


@pytest.mark.timeout(RUN_SECONDS_MAX + 10)
def test_python(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one session: so they are apart, too. README's example is among them."""
    examples = {**EXAMPLES, FIRST_STEP.name: FIRST_STEP.read_text(encoding="utf-8")}
    monkeypatch.setenv("PYTHONPATH", source_directory())
    pytester.makeconftest('pytest_plugins = ["onemq.pytest_plugin"]\n')
    for title, text in examples.items():
        (pytester.path / title).write_text(text, encoding="utf-8")
    done = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", timeout=RUN_SECONDS_MAX)
    outcomes = done.parseoutcomes()
    tests = sum(text.count("def test_") for text in examples.values())
    # The snapshot's test runs three times.
    assert outcomes == {"passed": tests + 2}


@pytest.mark.timeout(RUN_SECONDS_MAX + 130)
@pytest.mark.parametrize("title", NODE_EXAMPLES)
def test_node(title: str, tmp_path: Path, require_tools: Callable[..., None]) -> None:
    require_tools("node", "npm")
    if not (NODE_TESTS / "node_modules" / "amqplib" / "package.json").exists():
        subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"],
            cwd=NODE_TESTS,
            check=True,
            timeout=120,
        )
    program = tmp_path / title
    program.write_text(NODE_EXAMPLES[title], encoding="utf-8")
    done = subprocess.run(
        ["node", "--test", str(program)],
        env={
            **os.environ,
            "ONEMQ": f"{sys.executable} -m onemq",
            "PYTHONPATH": source_directory(),
            "NODE_PATH": str(NODE_TESTS / "node_modules"),
            # Nobody's default ports are taken by a test.
            "ONEMQ_AMQP_TLS_PORT": "off",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
