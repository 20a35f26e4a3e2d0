"""One finding of `onemq doctor`."""

from typing import Final

OK: Final = "ok"
WARNING: Final = "warning"
PROBLEM: Final = "problem"


class Finding:
    """name: what was looked at. state: OK, WARNING (it works, but), PROBLEM (the broker would not start, or not work).
    found: what was seen. advice: what to do about it, "" for nothing."""

    def __init__(self, name: str, state: str, found: str, advice: str = "") -> None:
        self.name = name
        self.state = state
        self.found = found
        self.advice = advice

    def plain(self) -> dict[str, str]:
        return {"check": self.name, "state": self.state, "found": self.found, "advice": self.advice}
