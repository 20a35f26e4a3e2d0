"""The command line: which commands there are. Each family has a module, imported when one of its commands is called.

Exit status: 0 done, 1 it failed or was refused, 2 the command line or a setting was wrong. docs/cli.md.
"""

from typing import Final

import click

from onemq import __version__
from onemq.cli.frame import LazyGroup

_HERE: Final = "onemq.cli."
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "The broker": {
        "serve": (_HERE + "serve:serve", "Run the broker."),
        "status": (_HERE + "status:status", "What the running broker is and holds."),
        "top": (_HERE + "top:top", "Live: rates, depths, lag, in flight, oldest age."),
        "doctor": (_HERE + "doctor:doctor", "Check this machine and the settings, and say what to do."),
        "bench": (_HERE + "bench.command:bench", "Put a load on the running broker, and show latencies."),
        "hash-password": (_HERE + "hash_password:hash_password_command", "Hash a password for the settings."),
    },
    "Messages": {
        "publish": (_HERE + "publish:publish", "Publish to a queue, a topic or an exchange."),
        "consume": (_HERE + "consume:consume", "Take messages from a queue, or read a topic."),
        "peek": (_HERE + "peek:peek", "Look at messages without taking them."),
        "dead-letters": (
            _HERE + "dead_letters:dead_letters",
            "Why, where, how often and when messages died.",
        ),
        "redrive": (_HERE + "redrive:redrive", "Move dead letters back, or elsewhere."),
        "replay": (_HERE + "replay:replay", "Give kept messages to their readers again."),
    },
    "What there is": {
        "queues": (_HERE + "queues:queues", "List, show, create, delete, purge, set."),
        "topics": (_HERE + "topics:topics", "List, show, create, delete, set."),
        "groups": (_HERE + "groups:groups", "List, show, reset, delete."),
        "exchanges": (_HERE + "exchanges:exchanges", "List, show, create, delete, bind, unbind, bindings."),
        "connections": (_HERE + "connections:connections", "List, show, close."),
        "users": (_HERE + "users:users", "List, show, create, set, delete, permissions, grant, revoke."),
        "namespaces": (_HERE + "namespaces:namespaces", "List, show, create, delete."),
        "policies": (_HERE + "policies:policies", "List, set, delete."),
    },
    "Bring and take": {
        "export": (_HERE + "exporting:export", "Write down everything that was declared."),
        "import": (
            _HERE + "importing:import_command",
            "Declare what a file says: ours, RabbitMQ's, ElasticMQ's.",
        ),
    },
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  onemq serve &\n  onemq queues create orders\n  onemq publish orders hello\n  onemq consume orders",
)
@click.version_option(__version__, prog_name="onemq", message="%(prog)s %(version)s")
def main() -> None:
    """One durable message broker that every client can use.

    Commands talk to the broker at --url (ONEMQ_URL) with --user and --password (ONEMQ_USER, ONEMQ_PASSWORD).
    """
