"""How one of AWS's protocols writes results and errors; json_protocol.py and query_protocol.py are the two."""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.shapes import OperationShape


@mypyc_attr(allow_interpreted_subclasses=True)
class Protocol:
    """One protocol of one service. `content_type`: of its responses. `writes_json`: so a result's JSON can be its body."""

    def __init__(self, content_type: bytes, writes_json: bool) -> None:
        self.content_type = content_type
        self.writes_json = writes_json

    @abstractmethod
    def result(self, operation: OperationShape, result: dict[str, object], request_id: str) -> bytes:
        """The body of a response."""

    @abstractmethod
    def error(self, error: AwsError, request_id: str) -> bytes:
        """The body of an error's response."""

    @abstractmethod
    def error_fields(self, error: AwsError) -> bytes:
        """Header fields of an error's response, each with its CRLF."""
