"""A terminal in memory: runs a program on a real pty, and shows what is on its screen."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable

import pyte

COLUMNS = 120
LINES = 40
SECONDS_MAX = 40.0


class Terminal:
    """`screen`: what a person sees now. `log`: all that was written, as it came."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.log = b""
        shown = {name: value for name, value in environment.items() if name != "COLUMNS"}
        self._process = subprocess.Popen(
            command,
            stdin=other,
            stdout=other,
            stderr=other,
            env={**shown, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(other)

    @property
    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def type(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    def read(self, seconds: float) -> bool:
        """What comes within that time; False: nothing will come any more."""
        if not select.select([self._own], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._own, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""
        self.log += data
        self._stream.feed(data)
        return bool(data)

    def until(self, seen: Callable[[str], bool]) -> str:
        """The screen once it is so."""
        deadline = time.monotonic() + SECONDS_MAX
        while not seen(self.screen):
            assert time.monotonic() < deadline, f"not seen:\n{self.screen}"
            assert self.read(0.2) or seen(self.screen), f"it ended:\n{self.screen}\n{self.log!r}"
        return self.screen

    def ends(self) -> int:
        """Its exit status."""
        deadline = time.monotonic() + SECONDS_MAX
        while self.read(0.2):
            assert time.monotonic() < deadline, f"it does not end:\n{self.screen}"
        return self._process.wait(SECONDS_MAX)

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(SECONDS_MAX)
        os.close(self._own)
