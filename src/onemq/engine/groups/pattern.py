"""Regular expressions of Kafka's clients: they have to match the whole name.

Must not: use the language's own regular expressions: nothing that backtracks may run what clients send (docs/decisions/0012).
Spec: KIP-848, SubscribedTopicRegex; RE2's syntax.
"""

from onemq.model.pattern_syntax import PatternError, re2_pattern
from onemq.model.refusal import Reason, Refusal


class TopicPattern:
    """A compiled expression. Raises Refusal INVALID_PATTERN."""

    __slots__ = ("_pattern",)

    def __init__(self, source: str, length_max: int) -> None:
        if len(source) > length_max:
            raise _invalid(source, f"longer than {length_max} characters")
        try:
            self._pattern = re2_pattern(source)
        except PatternError as error:
            raise _invalid(source, str(error)) from None

    def matches(self, name: str) -> bool:
        """The whole name matches."""
        return self._pattern.fits(name)


def _invalid(source: str, why: str) -> Refusal:
    return Refusal(Reason.INVALID_PATTERN, "pattern", source[:100], why)
