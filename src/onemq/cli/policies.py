"""`onemq policies`: list, set, delete."""

import json

import click

from onemq.cli.frame import Frame, confirm, example, talks, yes_option
from onemq.cli.values import plain_pairs


@click.group(epilog=example("onemq policies set short '^tmp' max-length=100"))
def policies() -> None:
    """Policies: settings for all queues and exchanges whose names fit a pattern."""


@policies.command("list", epilog=example("onemq policies list", "onemq policies list --operator"))
@click.option("--operator", is_flag=True, help="Operator policies.")
@talks
def list_policies(frame: Frame, operator: bool) -> None:
    """All policies."""
    frame.out.table(
        frame.client.get("policies", query={"namespace": frame.namespace, "operator": operator}),
        [
            ("name", lambda each: each["name"]),
            ("pattern", lambda each: each["pattern"]),
            ("applies to", lambda each: each["apply_to"]),
            ("priority>", lambda each: f"{each['priority']:g}"),
            ("definition", lambda each: json.dumps(each["definition"])),
        ],
        "there are no policies",
    )


@policies.command(
    "set", epilog=example("onemq policies set dead '^orders' dead-letter-exchange=dlx --priority 5")
)
@click.argument("name")
@click.argument("pattern")
@click.argument("definition", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option(
    "--apply-to",
    default="all",
    show_default=True,
    help="queues, classic_queues, quorum_queues, streams, exchanges, all.",
)
@click.option("--priority", type=int, default=0, show_default=True)
@click.option("--operator", is_flag=True, help="An operator policy.")
@talks
def set_policy(
    frame: Frame,
    name: str,
    pattern: str,
    definition: tuple[str, ...],
    apply_to: str,
    priority: int,
    operator: bool,
) -> None:
    """Make or replace a policy with RabbitMQ's keys."""
    body = {
        "pattern": pattern,
        "definition": plain_pairs(definition, "a definition"),
        "apply_to": apply_to,
        "priority": priority,
        "operator": operator,
    }
    done = frame.client.put("policies", frame.namespace, name, body=body)
    frame.out.show(done, f"policy {name} is set")


@policies.command("delete", epilog=example("onemq policies delete short --yes"))
@click.argument("name")
@click.option("--operator", is_flag=True, help="An operator policy.")
@yes_option
@talks
def delete(frame: Frame, name: str, operator: bool, yes: bool) -> None:
    """Delete a policy."""
    confirm(f"delete policy {name}", yes)
    done = frame.client.delete("policies", frame.namespace, name, query={"operator": operator})
    frame.out.show(done, f"policy {name} is gone")
