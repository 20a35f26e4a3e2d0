"""Live views on a real terminal: top, progress, tables in colour; and that none of it is there without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

import pytest

from clients.cli.conftest import Cli
from clients.cli.terminal import Terminal


@pytest.fixture
def terminal(onemq: Cli) -> Generator[Callable[..., Terminal], None, None]:
    """Runs `onemq` on a terminal."""
    opened: list[Terminal] = []

    def run(*arguments: str) -> Terminal:
        opened.append(Terminal(onemq.command(*arguments), onemq.environment()))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def test_top_shows_what_goes_on_and_q_ends_it(
    onemq: Cli, name: str, terminal: Callable[..., Terminal]
) -> None:
    onemq.run("queues", "create", name)
    onemq.run("topics", "create", f"{name}.t")
    onemq.run("groups", "reset", f"{name}.g", "--topic", f"{name}.t", "--to", "earliest")
    onemq.run("groups", "reset", "another", "--topic", f"{name}.t", "--to", "earliest")
    shown = terminal("top", "--interval", "200ms", "--name", name)
    first = shown.until(lambda screen: name in screen and "q ends" in screen)
    assert "protocol" in first and "ready" in first and f"{name}.g" in first
    assert "another" not in first
    onemq.run("publish", name, input="\n".join("x" * 300))
    row = re.compile(rf"{name}\s+classic\s+300\s")
    shown.until(lambda screen: row.search(screen) is not None)
    assert b"\x1b[?1049h" in shown.log, "the screen of before comes back when it ends"
    shown.type("q")
    assert shown.ends() == 0
    assert b"\x1b[?1049l" in shown.log


def test_control_c_ends_top(name: str, terminal: Callable[..., Terminal]) -> None:
    shown = terminal("top", "--interval", "200ms")
    shown.until(lambda screen: "q ends" in screen)
    shown.type("\x03")
    assert shown.ends() == 0


def test_long_moves_show_progress_and_control_c_cancels_them(
    onemq: Cli, name: str, terminal: Callable[..., Terminal]
) -> None:
    onemq.run("queues", "create", name)
    onemq.run("queues", "create", f"{name}.to")
    onemq.run("publish", name, "x", "--repeat", "300")
    shown = terminal("redrive", name, "--to", f"{name}.to", "--rate", "50")
    progress = re.compile(rf"redriving {name}.* [1-9]\d*/300")
    shown.until(lambda screen: progress.search(screen) is not None)
    shown.type("\x03")
    shown.until(lambda screen: "(cancelled)" in screen)
    assert shown.ends() == 0
    moved = onemq.json("queues", "show", f"{name}.to")["queue"]["ready"]
    assert 0 < moved < 300
    assert moved + onemq.json("queues", "show", name)["queue"]["ready"] == 300


def test_tables_are_drawn_on_a_terminal_and_plain_elsewhere(
    onemq: Cli, name: str, terminal: Callable[..., Terminal]
) -> None:
    onemq.run("queues", "create", name)
    shown = terminal("queues", "list", "--name", name)
    assert shown.ends() == 0
    assert "\u2500" in shown.screen and name in shown.screen and b"\x1b[" in shown.log
    plain = onemq.text("queues", "list", "--name", name)
    assert "\x1b" not in plain and "\u2500" not in plain and plain.splitlines()[0].startswith("name")


def test_what_cannot_be_undone_is_asked_about(
    onemq: Cli, name: str, terminal: Callable[..., Terminal]
) -> None:
    onemq.run("queues", "create", name)
    asked = terminal("queues", "delete", name)
    asked.until(lambda screen: "[y/N]" in screen)
    asked.type("n\r")
    assert asked.ends() == 1
    asked = terminal("queues", "delete", name)
    asked.until(lambda screen: "[y/N]" in screen)
    asked.type("y\r")
    assert asked.ends() == 0
    assert "does not exist" in onemq.fails("queues", "show", name)


def test_following_a_topic_until_control_c(onemq: Cli, name: str, terminal: Callable[..., Terminal]) -> None:
    onemq.run("topics", "create", name)
    shown = terminal("consume", name, "--follow")
    for number in range(2):
        onemq.run("publish", name, f"message {number}")
        shown.until(lambda screen, number=number: f"message {number}" in screen)  # type: ignore[misc]
    shown.type("\x03")
    assert shown.ends() == 0


def test_top_without_a_terminal(onemq: Cli, name: str) -> None:
    onemq.run("queues", "create", name)
    onemq.run("publish", name, "x")
    looks = onemq.lines("top", "--count", "2", "--interval", "100ms", "--name", name)
    assert [[queue["name"] for queue in look["queues"]] for look in looks] == [[name], [name]]
    assert looks[0]["queues"][0]["ready"] == 1
    assert name in onemq.text("top", "--count", "1", "--interval", "100ms", "--name", name)
