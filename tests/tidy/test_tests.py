"""Every module has a test that mirrors it; every row of the protocol pages that says yes names a test that is there."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tidy.repository import ROOT, SOURCE, modules, texts

UNIT = ROOT / "tests" / "unit"

UNMIRRORED = {
    "__init__.py": "tests/unit/embedded/test_blocking.py, test_pytest_plugin.py: what is loaded when",
    "app/construction.py": "test_server.py; tests/unit/cli/test_serve.py: what cannot start",
    "app/listeners.py": "test_server.py, tests/clients: every listener has clients",
    "app/process.py": "tests/crash/test_process_*.py, tests/clients: the composed process",
    "app/port_file.py": "tests/clients/embedded/test_port_file.py",
    "auth/permissions.py": "test_gate.py",
    "auth/sasl.py": "test_gate.py and the handshake conversations",
    "cli/bench/command.py": "tests/clients/cli/test_bench.py",
    "cli/bench/wire.py": "tests/clients/cli/test_bench.py: a load over each protocol",
    "cli/checks/check.py": "every test of tests/unit/cli/checks",
    "cli/connections.py": "tests/clients/cli/test_entities.py",
    "cli/consume.py": "tests/clients/cli/test_messages.py",
    "cli/dead_letters.py": "tests/clients/cli/test_moving.py",
    "cli/exchanges.py": "tests/clients/cli/test_entities.py",
    "cli/exporting.py": "tests/clients/cli/test_transfer.py",
    "cli/frame.py": "tests/unit/cli/test_main.py, test_client.py; every test of tests/clients/cli",
    "cli/groups.py": "tests/clients/cli/test_entities.py",
    "cli/hash_password.py": "tests/clients/cli/test_tools.py",
    "cli/importing.py": "tests/clients/cli/test_transfer.py",
    "cli/messages.py": "tests/clients/cli/test_messages.py",
    "cli/namespaces.py": "tests/clients/cli/test_entities.py",
    "cli/peek.py": "tests/clients/cli/test_messages.py",
    "cli/policies.py": "tests/clients/cli/test_entities.py",
    "cli/progress.py": "tests/clients/cli/test_terminal.py",
    "cli/publish.py": "tests/clients/cli/test_messages.py",
    "cli/queues.py": "tests/clients/cli/test_entities.py",
    "cli/redrive.py": "tests/clients/cli/test_moving.py, test_terminal.py",
    "cli/replay.py": "tests/clients/cli/test_moving.py",
    "cli/status.py": "tests/clients/cli/test_tools.py",
    "cli/top.py": "tests/clients/cli/test_terminal.py",
    "cli/topics.py": "tests/clients/cli/test_entities.py",
    "cli/transfer/elasticmq.py": "test_plan.py",
    "cli/transfer/ours.py": "test_plan.py",
    "cli/transfer/rabbitmq.py": "test_plan.py",
    "cli/users.py": "tests/clients/cli/test_entities.py",
    "config_sources.py": "tests/unit/test_config.py",
    "embedded/declarations.py": "test_blocking.py: declarations meet RabbitMQ's words",
    "embedded/durables.py": "test_blocking.py: a publish returns when it is durable",
    "embedded/errors.py": "test_blocking.py",
    "embedded/inside.py": "test_blocking.py: addresses, start and end",
    "embedded/message.py": "test_blocking.py",
    "embedded/native.py": "test_blocking.py: every call",
    "embedded/options.py": "test_blocking.py: settings",
    "embedded/thread.py": "test_blocking.py: threads, failures",
    "engine/consumption.py": "test_ledger_queue.py, test_access.py",
    "engine/directory/records.py": "test_users.py, test_permissions.py: what they keep",
    "engine/directory/settings.py": "test_directory.py",
    "engine/equivalence.py": "test_catalog.py",
    "engine/exchange.py": "test_catalog.py and tests/unit/engine/routing",
    "engine/natives.py": "test_rerouting.py",
    "engine/parts.py": "test_identity.py: what all parts share",
    "engine/queue.py": "test_ledger_queue.py, test_kept_queue.py: its two kinds",
    "engine/recovery.py": "test_ledger_queue.py, tests/model_based and tests/simulation: restarts",
    "engine/routing/arguments.py": "test_headers.py, test_consistent_hash.py",
    "engine/routing/destination.py": "test_bindings.py",
    "engine/routing/direct.py": "test_bindings.py",
    "engine/routing/fanout.py": "test_bindings.py",
    "engine/routing/kinds.py": "test_bindings.py",
    "engine/routing/matcher.py": "test_bindings.py",
    "engine/settings_codec.py": "test_catalog_replay.py: declarations survive a restart",
    "heads/amqp091/channel.py": "test_conversation_*.py",
    "heads/amqp091/commands/basic_consume.py": "test_conversation_consume.py",
    "heads/amqp091/commands/basic_get.py": "test_conversation_consume.py",
    "heads/amqp091/commands/basic_publish.py": "test_conversation_publish.py",
    "heads/amqp091/commands/exchange.py": "test_conversation_*.py",
    "heads/amqp091/commands/modes.py": "test_conversation_*.py",
    "heads/amqp091/commands/names.py": "test_conversation_*.py",
    "heads/amqp091/commands/queue.py": "test_conversation_*.py",
    "heads/amqp091/commands/settle.py": "test_conversation_consume.py",
    "heads/amqp091/confirms.py": "test_conversation_publish.py",
    "heads/amqp091/exchange_arguments.py": "test_arguments.py",
    "heads/amqp091/frame_writers.py": "test_codec.py",
    "heads/amqp091/frames.py": "test_codec.py, test_methods.py",
    "heads/amqp091/handshake.py": "test_conversation_handshake.py",
    "heads/amqp091/head.py": "every playbook opens its connections with it",
    "heads/amqp091/native_reader.py": "test_mapping.py, test_conversation_publish.py",
    "heads/amqp091/transactions.py": "test_conversation_publish.py",
    "heads/contract.py": "tests/unit/net/test_outbox.py, test_connection.py: the net's side of it",
    "heads/kafka/call.py": "test_conversation.py",
    "heads/kafka/commands/api_versions.py": "test_conversation.py",
    "heads/kafka/commands/brokers.py": "test_metadata.py, test_topics.py",
    "heads/kafka/commands/consumer_group_describe.py": "commands/test_consumer_group_heartbeat.py",
    "heads/kafka/commands/delete_groups.py": "commands/test_list_groups.py",
    "heads/kafka/commands/delete_records.py": "test_offsets.py",
    "heads/kafka/commands/describe_cluster.py": "test_metadata.py",
    "heads/kafka/commands/describe_groups.py": "commands/test_list_groups.py",
    "heads/kafka/commands/describe_topic_partitions.py": "test_metadata.py",
    "heads/kafka/commands/fetch_answer.py": "test_fetch.py",
    "heads/kafka/commands/find_coordinator.py": "commands/test_join_group.py",
    "heads/kafka/commands/group_heartbeat.py": "commands/test_join_group.py",
    "heads/kafka/commands/leave_group.py": "commands/test_join_group.py",
    "heads/kafka/commands/list_offsets.py": "test_offsets.py",
    "heads/kafka/commands/offset_commit.py": "commands/test_offset_fetch.py",
    "heads/kafka/commands/offset_delete.py": "commands/test_offset_fetch.py",
    "heads/kafka/commands/offset_for_leader_epoch.py": "test_offsets.py",
    "heads/kafka/commands/sync_group.py": "commands/test_join_group.py",
    "heads/kafka/head.py": "every playbook opens its connections with it",
    "heads/kafka/session.py": "every playbook's session",
    "heads/management/admin/connections.py": "test_api.py: every operation",
    "heads/management/admin/consuming.py": "test_api.py: every operation",
    "heads/management/admin/definitions.py": "test_api.py: every operation",
    "heads/management/admin/directory.py": "test_api.py: every operation",
    "heads/management/admin/exchanges.py": "test_api.py: every operation",
    "heads/management/admin/groups.py": "test_api.py: every operation",
    "heads/management/admin/looking.py": "test_api.py: every operation",
    "heads/management/admin/messages.py": "test_api.py: every operation",
    "heads/management/admin/moving.py": "test_api.py: every operation",
    "heads/management/admin/openapi.py": "test_api.py: every operation",
    "heads/management/admin/overview.py": "test_api.py: every operation",
    "heads/management/admin/publishing.py": "test_api.py: every operation",
    "heads/management/admin/queues.py": "test_api.py: every operation",
    "heads/management/admin/service.py": "test_api.py: every operation",
    "heads/management/admin/topics.py": "test_api.py: every operation",
    "model/demand.py": "test_ledger_queue.py",
    "model/principal.py": "tests/unit/auth/test_gate.py",
    "model/rights.py": "tests/unit/auth/test_gate.py, test_permits.py",
    "net/clock.py": "tests/unit/net/test_timers.py runs on it",
    "net/drain.py": "tests/conformance/test_stopping.py",
    "net/faulty_socket.py": "test_faults.py; tests/clients/embedded/test_faults.py: each fault with real clients",
    "net/listener.py": "tests/conformance/test_connections.py",
    "net/socket_protocol.py": "test_connection.py",
}
"""Modules without a test file of their own, and where they are tested instead. The list only gets shorter."""


def does_something(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Not a constructor, and not a declaration that somebody else has to fill in."""
    if function.name == "__init__":
        return False
    for node in function.body:
        if isinstance(node, ast.Raise | ast.Pass) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            continue
        return True
    return False


def has_code(module: str) -> bool:
    """Something that could be wrong."""
    nodes = ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8")))
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and does_something(node) for node in nodes
    )


def mirrors(module: str) -> list[str]:
    """Test files that mirror `a/b.py`: tests/unit/a/test_b.py or test_b_more.py, or a/../test_a.py for its whole package."""
    path = Path(module)
    folder = UNIT / path.parent
    stem = path.parent.name if path.stem == "__init__" else path.stem
    files = [*folder.glob(f"test_{stem}.py"), *folder.glob(f"test_{stem}_*.py")]
    files += folder.parent.glob(f"test_{path.parent.name}.py")
    if path.parent.name == "commands":
        # A head's commands are asked for over a connection: their tests may stand beside those of the conversation.
        files += folder.parent.glob(f"test_{stem}.py")
    return [file.name for file in files]


@pytest.mark.parametrize("module", [module for module in modules() if has_code(module)])
def test_the_module_has_a_test(module: str) -> None:
    if module in UNMIRRORED:
        assert not mirrors(module), f"{module} has a test now: take it off the list"
    else:
        assert mirrors(module), f"no tests/unit/{Path(module).parent}/test_{Path(module).stem}.py"


def test_the_list_names_modules_that_exist() -> None:
    assert sorted(set(UNMIRRORED) - set(modules())) == []
    assert [module for module, reason in UNMIRRORED.items() if len(reason) < 10] == []


def defined_tests() -> set[str]:
    """Names of all test functions, and `file::name` for each."""
    found: set[str] = set()
    for path, text in texts().items():
        if path.startswith("tests/") and path.endswith(".py"):
            for name in re.findall(r"^\s*(?:async )?def (test_\w+)", text, re.MULTILINE):
                found.add(name)
                found.add(f"{path}::{name}")
    return found


def rows() -> list[tuple[str, list[str]]]:
    """(place, cells) of every row of a feature table."""
    found = []
    for path in sorted((ROOT / "docs" / "protocols").glob("*.md")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("|"):
                cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
                if len(cells) == 3 and set(cells[0]) - set("- "):
                    found.append((f"{path.name}:{number}", cells))
    return found


def test_rows_that_say_yes_name_a_test() -> None:
    bare = [
        f"{place}: {cells[0]}"
        for place, cells in rows()
        if re.match(r"yes\b", cells[1], re.IGNORECASE) and not re.search(r"`[^`]*test_\w+`", cells[2])
    ]
    assert bare == []


def test_the_named_tests_are_there() -> None:
    there = defined_tests()
    named = [(place, name) for place, cells in rows() for name in re.findall(r"`([^`]*test_\w+)`", cells[2])]
    assert named, "no table names a test"
    assert [f"{place}: {name}" for place, name in named if name not in there] == []
