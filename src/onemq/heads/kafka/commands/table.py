"""The commands by API key.

What every client needs is imported at once; the rest at its first use, so that start-up does not grow with it. An API is offered
(ApiVersions lists it) when it stands here.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands import api_versions, fetch, list_offsets, metadata, produce

_COMMANDS: Final = "onemq.heads.kafka.commands."

_LATER: Final[dict[int, tuple[str, str]]] = {
    8: ("offset_commit", "handle_offset_commit"),
    9: ("offset_fetch", "handle_offset_fetch"),
    10: ("find_coordinator", "handle_find_coordinator"),
    11: ("join_group", "handle_join_group"),
    12: ("group_heartbeat", "handle_heartbeat"),
    13: ("leave_group", "handle_leave_group"),
    14: ("sync_group", "handle_sync_group"),
    15: ("describe_groups", "handle_describe_groups"),
    16: ("list_groups", "handle_list_groups"),
    17: ("authentication", "handle_sasl_handshake"),
    19: ("topics", "handle_create_topics"),
    20: ("topics", "handle_delete_topics"),
    21: ("delete_records", "handle_delete_records"),
    22: ("transactions", "handle_init_producer_id"),
    23: ("offset_for_leader_epoch", "handle_offset_for_leader_epoch"),
    24: ("transactions", "handle_add_partitions_to_txn"),
    25: ("transactions", "handle_add_offsets_to_txn"),
    26: ("transactions", "handle_end_txn"),
    27: ("transaction_admin", "handle_write_txn_markers"),
    28: ("transactions", "handle_txn_offset_commit"),
    29: ("acls", "handle_describe_acls"),
    30: ("acls", "handle_create_acls"),
    31: ("acls", "handle_delete_acls"),
    32: ("configs", "handle_describe_configs"),
    33: ("configs", "handle_alter_configs"),
    35: ("replicas", "handle_describe_log_dirs"),
    36: ("authentication", "handle_sasl_authenticate"),
    37: ("topics", "handle_create_partitions"),
    42: ("delete_groups", "handle_delete_groups"),
    43: ("replicas", "handle_elect_leaders"),
    44: ("configs", "handle_incremental_alter_configs"),
    45: ("replicas", "handle_alter_partition_reassignments"),
    46: ("replicas", "handle_list_partition_reassignments"),
    47: ("offset_delete", "handle_offset_delete"),
    48: ("quotas", "handle_describe_client_quotas"),
    49: ("quotas", "handle_alter_client_quotas"),
    50: ("credentials", "handle_describe_user_scram_credentials"),
    51: ("credentials", "handle_alter_user_scram_credentials"),
    60: ("describe_cluster", "handle_describe_cluster"),
    61: ("transaction_admin", "handle_describe_producers"),
    65: ("transaction_admin", "handle_describe_transactions"),
    66: ("transaction_admin", "handle_list_transactions"),
    68: ("consumer_group_heartbeat", "handle_consumer_group_heartbeat"),
    69: ("consumer_group_describe", "handle_consumer_group_describe"),
    74: ("configs", "handle_list_config_resources"),
    75: ("describe_topic_partitions", "handle_describe_topic_partitions"),
    76: ("share_group", "handle_share_group_heartbeat"),
    77: ("share_group", "handle_share_group_describe"),
    78: ("share_fetch", "handle_share_fetch"),
    79: ("share_acknowledge", "handle_share_acknowledge"),
    90: ("share_group_offsets", "handle_describe_share_group_offsets"),
    91: ("share_group_offsets", "handle_alter_share_group_offsets"),
    92: ("share_group_offsets", "handle_delete_share_group_offsets"),
}
"""API key: module under commands, function."""

_LOADED: Final[dict[int, Callable[[Call], None]]] = {
    0: produce.handle_produce,
    1: fetch.handle_fetch,
    2: list_offsets.handle_list_offsets,
    3: metadata.handle_metadata,
    18: api_versions.handle_api_versions,
}


def is_offered(api_key: int) -> bool:
    return api_key in _LOADED or api_key in _LATER


def handler_of(api_key: int) -> Callable[[Call], None]:
    """Raises KeyError for an API that is not offered."""
    handler = _LOADED.get(api_key)
    if handler is None:
        module, function = _LATER[api_key]
        loaded: Callable[[Call], None] = getattr(import_module(_COMMANDS + module), function)
        _LOADED[api_key] = loaded
        return loaded
    return handler
