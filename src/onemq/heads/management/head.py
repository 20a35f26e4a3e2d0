"""The HTTP head for operators: what the composition root registers, once per port.

Areas are made when the first connection comes: their tables take some time to import, and many brokers are never asked.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from onemq.auth.gate import Gate
from onemq.heads.contract import Conversation, Head, Link
from onemq.heads.management.settings import ManagementSettings

if TYPE_CHECKING:
    from onemq.heads.management.area import Area
    from onemq.heads.management.pages import Pages

DEFAULT_PORT: Final = 15672
DEFAULT_TLS_PORT: Final = 15671


class ManagementHead(Head):
    """pages: answered without a login, asked in order. areas: makes what needs a login; () for a port that has pages only."""

    def __init__(
        self,
        gate: Gate,
        settings: ManagementSettings,
        pages: "Sequence[Pages]",
        areas: "Callable[[], Sequence[Area]]" = tuple,
        name: str = "http",
        default_port: int = DEFAULT_PORT,
    ) -> None:
        super().__init__()
        self.name = name
        self.default_port = default_port
        self.default_tls_port = DEFAULT_TLS_PORT
        self._gate = gate
        self._settings = settings
        self._pages = pages
        self._make_areas = areas
        self._areas: dict[str, Area] | None = None

    def open(self, link: Link) -> Conversation:
        from onemq.heads.management.conversation import ManagementConversation

        areas = self._areas
        if areas is None:
            areas = {area.prefix: area for area in self._make_areas()}
            self._areas = areas
        return ManagementConversation(link, self._gate, self._settings, areas, self._pages)
