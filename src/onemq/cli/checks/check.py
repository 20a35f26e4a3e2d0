"""One finding of `onemq doctor`."""

from typing import Final

GOOD: Final = "ok"
NOTE: Final = "note"
WARNING: Final = "warning"
BAD: Final = "bad"


class Finding:
    """name: what was looked at. state: GOOD, NOTE, WARNING (it works, but), BAD (the broker would not start or not work).
    said: what was found. advice: what to do about it, "" for nothing."""

    def __init__(self, name: str, state: str, said: str, advice: str = "") -> None:
        self.name = name
        self.state = state
        self.said = said
        self.advice = advice

    def plain(self) -> dict[str, str]:
        return {"check": self.name, "state": self.state, "found": self.said, "advice": self.advice}
