"""DescribeUserScramCredentials, AlterUserScramCredentials.

A user that is made here has a login and no permissions: access rules give it some.
Must not: authorise, or see a password (the client salts it).
Spec: Kafka protocol guide; KIP-554.
"""

from typing import Final

from onemq.auth.scram import ITERATIONS_MAX, ITERATIONS_MIN, SCRAM_SHA_256, SCRAM_SHA_512, credential_of
from onemq.engine.acls import ALTER, DESCRIBE
from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.topics import Denied
from onemq.heads.kafka.commands.wording import words_of
from onemq.heads.kafka.errors import (
    DUPLICATE_RESOURCE,
    RESOURCE_NOT_FOUND,
    UNACCEPTABLE_CREDENTIAL,
    UNSUPPORTED_SASL_MECHANISM,
    code_of,
)
from onemq.heads.kafka.messages.cold.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    AlterUserScramCredentialsResult,
    ScramCredentialUpsertion,
    read_alter_user_scram_credentials_request,
    write_alter_user_scram_credentials_response,
)
from onemq.heads.kafka.messages.cold.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
    read_describe_user_scram_credentials_request,
    write_describe_user_scram_credentials_response,
)
from onemq.model.refusal import Refusal

MECHANISMS: Final = {1: SCRAM_SHA_256, 2: SCRAM_SHA_512}
_NUMBERS: Final = {SCRAM_SHA_256: 1, SCRAM_SHA_512: 2}
_NOT_FOUND_TEXT: Final = "Attempt to describe a user credential that does not exist"


def handle_describe_user_scram_credentials(call: Call) -> None:
    request = read_describe_user_scram_credentials_request(call.reader, call.version)
    admin = call.session.access.admin
    response = DescribeUserScramCredentialsResponse(error_message=None)
    try:
        admin.demand_cluster(DESCRIBE)
        # No users named means all, as null does.
        names = [user.name for user in request.users or []] or admin.credential_users()
        for name in dict.fromkeys(names):
            result = DescribeUserScramCredentialsResult(user=name, error_message=None)
            if names.count(name) > 1:
                result.error_code = DUPLICATE_RESOURCE
                result.error_message = (
                    f"Cannot describe SCRAM credentials for the same user twice in a single request: {name}"
                )
            else:
                found = admin.credentials(name)
                for mechanism, credential in found.items():
                    result.credential_infos.append(
                        CredentialInfo(mechanism=_NUMBERS[mechanism], iterations=credential.iterations)
                    )
                if not found:
                    result.error_code = RESOURCE_NOT_FOUND
                    result.error_message = f"{_NOT_FOUND_TEXT}: {name}"
            response.results.append(result)
    except Refusal as refusal:
        response.error_code = code_of(refusal)
        response.error_message = words_of(refusal)
    writer = call.writer()
    write_describe_user_scram_credentials_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def handle_alter_user_scram_credentials(call: Call) -> None:
    request = read_alter_user_scram_credentials_request(call.reader, call.version)
    results: list[AlterUserScramCredentialsResult] = []
    for name, error in _alter_users(call, request).items():
        result = AlterUserScramCredentialsResult(user=name, error_message=None)
        if error is not None:
            result.error_code = error.code
            result.error_message = error.text
        results.append(result)
    writer = call.writer()
    response = AlterUserScramCredentialsResponse(results=results)
    write_alter_user_scram_credentials_response(writer, response, call.version)
    call.send(writer, call.session.access.position())


def _alter_users(call: Call, request: AlterUserScramCredentialsRequest) -> dict[str, Denied | None]:
    """What became of each user; all changes of a user are made, or none."""
    outcome: dict[str, Denied | None] = {}
    changes: list[tuple[str, int, ScramCredentialUpsertion | None]] = []
    for deletion in request.deletions:
        changes.append((deletion.name, deletion.mechanism, None))
    for upsertion in request.upsertions:
        changes.append((upsertion.name, upsertion.mechanism, upsertion))
    seen: set[tuple[str, int]] = set()
    for name, mechanism, change in changes:
        outcome.setdefault(name, None)
        try:
            if (name, mechanism) in seen:
                raise Denied(
                    DUPLICATE_RESOURCE,
                    "A user credential cannot be altered twice in the same request",
                )
            seen.add((name, mechanism))
            _check(call, name, mechanism, change)
        except Denied as denied:
            outcome[name] = denied
        except Refusal as refusal:
            outcome[name] = Denied(code_of(refusal), words_of(refusal))
    for name, mechanism, change in changes:
        if outcome[name] is not None:
            continue
        try:
            _apply(call, name, mechanism, change)
        except Refusal as refusal:
            outcome[name] = Denied(code_of(refusal), words_of(refusal))
    return outcome


def _check(call: Call, name: str, mechanism: int, change: ScramCredentialUpsertion | None) -> None:
    """Raises Denied, Refusal."""
    admin = call.session.access.admin
    admin.demand_cluster(ALTER)
    if not name:
        raise Denied(UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if mechanism not in MECHANISMS:
        raise Denied(UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
    if change is None:
        if not admin.has_credential(name, MECHANISMS[mechanism]):
            raise Denied(RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist")
        return
    if not change.salt or not change.salted_password:
        raise Denied(UNACCEPTABLE_CREDENTIAL, "Salt and salted password must not be empty")
    if change.iterations < ITERATIONS_MIN:
        raise Denied(UNACCEPTABLE_CREDENTIAL, "Too few iterations")
    if change.iterations > ITERATIONS_MAX:
        raise Denied(UNACCEPTABLE_CREDENTIAL, "Too many iterations")


def _apply(call: Call, name: str, mechanism: int, change: ScramCredentialUpsertion | None) -> None:
    admin = call.session.access.admin
    word = MECHANISMS[mechanism]
    if change is None:
        admin.remove_credential(name, word)
    else:
        credential = credential_of(word, change.salted_password, change.salt, change.iterations)
        admin.store_credential(name, word, credential)
