"""Who this broker is: 16 unpredictable octets, made at the first start and kept with the data."""

from typing import Final

from onemq.engine.core import Core
from onemq.engine.parts import PART_IDENTITY, Part

IDENTITY_BYTES: Final = 16


class Identity(Part):
    """See the module. `octets`: b"" until `make` or recovery."""

    def __init__(self, core: Core) -> None:
        self.number = PART_IDENTITY
        self.core = core
        self.octets = b""

    def make(self) -> None:
        """At the end of recovery: a broker that has none gets one."""
        if not self.octets:
            change: dict[str, object] = {"id": self.core.entropy(IDENTITY_BYTES)}
            self.apply(change)
            self.core.note(self, change)

    def apply(self, change: dict[str, object]) -> None:
        octets = change["id"]
        assert isinstance(octets, bytes)
        self.octets = octets

    def changes(self) -> list[dict[str, object]]:
        return [{"id": self.octets}] if self.octets else []
