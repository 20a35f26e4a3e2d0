"""ApiVersions: what this broker can be asked, in which versions.

Spec: KIP-35, KIP-511 (an unknown version is answered in version 0), KIP-584 (features), KIP-896 (old versions).
"""

from typing import Final

from onemq.heads.kafka.api import API_VERSIONS, APIS
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.errors import INVALID_REQUEST, NONE, UNSUPPORTED_VERSION
from onemq.heads.kafka.messages.api_versions import (
    ApiVersion,
    ApiVersionsResponse,
    FinalizedFeatureKey,
    SupportedFeatureKey,
    read_api_versions_request,
    write_api_versions_response,
)

CONSUMER_GROUP_HEARTBEAT: Final = 68
SHARE_GROUP_HEARTBEAT: Final = 76
FEATURES_EPOCH: Final = 1
_NAME_SIGNS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")


def handle_api_versions(call: Call) -> None:
    request = read_api_versions_request(call.reader, call.version)
    session = call.session
    error_code = NONE
    if call.version >= 3:
        name, version = request.client_software_name, request.client_software_version
        if _is_name(name) and _is_name(version):
            if not session.client_software:
                session.client_software = f"{name} {version}"
                session.describe()
        else:
            error_code = INVALID_REQUEST
    writer = call.writer()
    write_api_versions_response(writer, _response(error_code), call.version)
    call.send(writer)


def answer_unknown_version(call: Call) -> None:
    """An ApiVersions request of a version that we do not know; `call` has version 0, in which every client reads the answer."""
    row = APIS[API_VERSIONS]
    known = ApiVersion(api_key=row.key, min_version=row.listed_first, max_version=row.listed_last)
    writer = call.writer()
    write_api_versions_response(
        writer, ApiVersionsResponse(error_code=UNSUPPORTED_VERSION, api_keys=[known]), 0
    )
    call.send(writer)


def _is_name(text: str) -> bool:
    """Letters, digits, dashes and dots, beginning and ending with a letter or digit (KIP-511)."""
    if not text or text[0] in "-." or text[-1] in "-.":
        return False
    for sign in text:
        if sign not in _NAME_SIGNS:
            return False
    return True


def _response(error_code: int) -> ApiVersionsResponse:
    if error_code != NONE:
        return ApiVersionsResponse(error_code=error_code)
    # Not at the top: the table imports this module.
    from onemq.heads.kafka.commands.table import is_offered

    keys = [
        ApiVersion(api_key=api.key, min_version=api.listed_first, max_version=api.listed_last)
        for api in APIS.values()
        if is_offered(api.key)
    ]
    # transaction.version is left out: clients then use the first version of the transaction protocol (KIP-890).
    names = []
    if is_offered(CONSUMER_GROUP_HEARTBEAT):
        names.append("group.version")
    if is_offered(SHARE_GROUP_HEARTBEAT):
        names.append("share.version")
    # Clients before 4.0 take no 0 for the lowest level, so 1 stands for it.
    supported = [SupportedFeatureKey(name=name, min_version=1, max_version=1) for name in names]
    finalized = [FinalizedFeatureKey(name=name, max_version_level=1, min_version_level=1) for name in names]
    return ApiVersionsResponse(
        error_code=error_code,
        api_keys=keys,
        supported_features=supported,
        finalized_features_epoch=FEATURES_EPOCH if names else -1,
        finalized_features=finalized,
    )
