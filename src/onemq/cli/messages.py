"""Messages as commands show them.

Must not: talk to a broker.
"""

import base64
import sys
from typing import Any

import click

from onemq.cli.output import Output, at, harmless, size

BODY_SHOWN = 60


def body_of(message: dict[str, Any]) -> bytes:
    if message["body"] is None:
        return b""
    if message["encoding"] == "base64":
        return base64.b64decode(message["body"])
    return str(message["body"]).encode("utf-8", "surrogateescape")


def print_message(output: Output, message: dict[str, Any], *, headers: bool) -> None:
    """One of a stream: JSON, or the body alone; with its headers above it if they are wanted."""
    if output.as_json:
        output.line(message)
    else:
        if headers:
            click.echo(click.style(harmless(about(message)), dim=True))
            for name, value in message["headers"].items():
                click.echo(click.style(harmless(f"{name}: {value}"), dim=True))
        sys.stdout.flush()
        sys.stdout.buffer.write(body_of(message) + b"\n")
    sys.stdout.flush()


def about(message: dict[str, Any]) -> str:
    parts = [f"partition {message['partition']} offset {message['offset']}", at(message["time_ms"])]
    if message["key"] is not None:
        parts.append(f"key {message['key']}")
    if message["attempts"] > 1:
        parts.append(f"given {message['attempts']} times")
    return ", ".join(parts)


def body_cell(message: dict[str, Any]) -> str:
    """The beginning of the body, on one line."""
    if message["body"] is None:
        return "(none)"
    if message["encoding"] == "base64":
        return f"({size(message['bytes'])}, binary)"
    text = str(message["body"]).replace("\n", "\\n")
    return text if len(text) <= BODY_SHOWN else text[:BODY_SHOWN] + "..."


def headers_cell(message: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in message["headers"].items())
