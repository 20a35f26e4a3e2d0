"""How HTTP itself refuses a request, before any head has seen it."""

from mypy_extensions import mypyc_attr

from onemq.model.refusal import WireError


@mypyc_attr(native_class=False)
class HttpRefused(WireError):
    """The request cannot be taken, and the connection ends after saying so.

    Attributes:
        status: of the response: 413, 417, 431.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
