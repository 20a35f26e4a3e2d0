"""The port file: tells a program that started `onemq serve` on free ports where it listens, when it does.

JSON: {"pid": ..., "listeners": {"amqp": {"host": "127.0.0.1", "port": 41234}, ...}}. It appears whole (rename) once clients are served, and
goes before the broker stops serving. Must not be read by the broker.
"""

import json
import os
from typing import Final

from onemq.app.construction import CannotStart

TEMPORARY_SUFFIX: Final = ".new"


class PortFile:
    """path: "" = none is wanted."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, addresses: list[tuple[str, str]]) -> None:
        """addresses: listener and `host:port`. Raises CannotStart: a program that waits for the file would wait for ever."""
        if not self._path:
            return
        listeners: dict[str, dict[str, object]] = {}
        for name, address in addresses:
            host, _, port = address.rpartition(":")
            listeners.setdefault(name, {"host": host.strip("[]"), "port": int(port)})
        text = json.dumps({"pid": os.getpid(), "listeners": listeners}, indent=2) + "\n"
        temporary = f"{self._path}{TEMPORARY_SUFFIX}"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, self._path)
        except OSError as error:
            raise CannotStart(
                f"cannot write server.port_file {self._path}: {error.strerror or error}"
            ) from None

    def remove(self) -> None:
        """Unless another process has written its own there meanwhile."""
        if not self._path:
            return
        try:
            with open(self._path, encoding="utf-8") as file:
                ours = json.load(file).get("pid") == os.getpid()
            if ours:
                os.unlink(self._path)
        except (OSError, ValueError):
            # Somebody took it away, or wrote something else: not ours any more.
            return
