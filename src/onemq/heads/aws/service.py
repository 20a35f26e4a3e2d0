"""One of AWS's services: its operations, its protocols, its words for the engine's refusals."""

from abc import abstractmethod
from collections.abc import Callable

from mypy_extensions import mypyc_attr

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.json_protocol import JsonProtocol
from onemq.heads.aws.query_protocol import QueryProtocol
from onemq.heads.aws.shapes import OperationShape
from onemq.model.refusal import Refusal

Handler = Callable[[Call], None]


class Operation:
    """One operation. `unsigned`: served without a signature even where users are configured (what it takes is a secret)."""

    __slots__ = ("handler", "shape", "unsigned")

    def __init__(self, shape: OperationShape, handler: Handler, unsigned: bool = False) -> None:
        self.shape = shape
        self.handler = handler
        self.unsigned = unsigned


@mypyc_attr(allow_interpreted_subclasses=True)
class Service:
    """See the module.

    Attributes:
        name: in credential scopes and ARNs. version: in the Query protocol's parameter. target: before the dot in X-Amz-Target;
            "" = the service has no JSON protocol.
        operations: by name.
        json, query: its protocols.
    """

    def __init__(
        self,
        name: str,
        version: str,
        target: str,
        json_namespace: str,
        xml_namespace: str,
        operations: dict[str, Operation],
    ) -> None:
        self.name = name
        self.version = version
        self.target = target
        self.operations = operations
        self.json = JsonProtocol(json_namespace)
        self.query = QueryProtocol(xml_namespace)

    @abstractmethod
    def refused(self, call: Call, refusal: Refusal) -> AwsError:
        """What the engine's refusal is called here."""
