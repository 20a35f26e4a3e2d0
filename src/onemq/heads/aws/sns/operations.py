"""SNS's operations by name."""

from onemq.heads.aws.service import Operation


def operations() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    return found
