"""How one of AWS's protocols writes results and errors; json_protocol.py and query_protocol.py are the two."""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.shapes import OperationShape


@mypyc_attr(allow_interpreted_subclasses=True)
class Protocol:
    """One protocol of one service. `content_type`: of its responses."""

    def __init__(self, content_type: bytes) -> None:
        self.content_type = content_type

    @abstractmethod
    def result(self, operation: OperationShape, result: dict[str, object], request_id: str) -> bytes:
        """The body of a response."""

    @abstractmethod
    def error(self, error: AwsError, request_id: str) -> bytes:
        """The body of an error's response."""

    @abstractmethod
    def error_fields(self, error: AwsError) -> bytes:
        """Header fields of an error's response, each with its CRLF."""
