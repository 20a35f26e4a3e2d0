"""Reading an operation's parameters as what they should be. They come as JSON would have them (call.py)."""

from onemq.heads.aws.call import Call
from onemq.heads.aws.sns.arns import invalid


def text_of(values: dict[str, object], name: str) -> str:
    """ "" when it is not there."""
    found = values.get(name)
    return found if isinstance(found, str) else ""


def texts_of(values: dict[str, object], name: str) -> list[str]:
    found = values.get(name)
    texts: list[str] = []
    if isinstance(found, list):
        for each in found:
            if isinstance(each, str):
                texts.append(each)
    return texts


def structures_of(values: dict[str, object], name: str) -> list[dict[str, object]]:
    found = values.get(name)
    structures: list[dict[str, object]] = []
    if isinstance(found, list):
        for each in found:
            if isinstance(each, dict):
                structures.append(each)
    return structures


def text_map(values: dict[str, object], name: str) -> dict[str, str]:
    found = values.get(name)
    texts: dict[str, str] = {}
    if isinstance(found, dict):
        for key, value in found.items():
            if isinstance(value, str):
                texts[key] = value
    return texts


def tags_of(values: dict[str, object]) -> dict[str, str]:
    """Raises AwsError."""
    found: dict[str, str] = {}
    for each in structures_of(values, "Tags"):
        key = text_of(each, "Key")
        if key in found:
            raise invalid("Duplicated keys are not allowed.")
        if not 1 <= len(key) <= 128:
            raise invalid("Tags Reason: tag keys have 1 to 128 characters")
        value = text_of(each, "Value")
        if len(value) > 256:
            raise invalid("Tags Reason: tag values have at most 256 characters")
        found[key] = value
    return found


def origin_of(call: Call) -> str:
    """Where the client reached us: links begin with it."""
    return f"{call.scheme}://{call.host}"


def needed(values: dict[str, object], name: str) -> str:
    """Raises AwsError."""
    found = text_of(values, name)
    if not found:
        raise invalid(f"{name} Reason: no value for required parameter")
    return found
