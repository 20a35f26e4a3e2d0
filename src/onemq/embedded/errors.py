"""What the broker in this process says no with."""


class BrokerFailed(RuntimeError):
    """The broker could not start, is not running, or its store broke: it confirms nothing any more. The text says why."""


class Refused(Exception):
    """The broker denies what was asked.

    Attributes:
        reason: what is wrong, in one word (`onemq.model.refusal.Reason`), e.g. "NOT_FOUND".
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
