"""`onemq namespaces`: list, show, create, delete. RabbitMQ calls them virtual hosts."""

import click

from onemq.cli.frame import Frame, confirm, example, talks, yes_option
from onemq.cli.output import number


@click.group(epilog=example("onemq namespaces create team", "onemq queues list --namespace team"))
def namespaces() -> None:
    """Namespaces: RabbitMQ's virtual hosts."""


@namespaces.command("list", epilog=example("onemq namespaces list"))
@talks
def list_namespaces(frame: Frame) -> None:
    """All namespaces."""
    frame.out.table(
        frame.client.get("namespaces"),
        [
            ("name", lambda each: each["name"]),
            ("queues>", lambda each: number(each["queues"])),
            ("topics>", lambda each: number(each["topics"])),
            ("ready>", lambda each: number(each["ready"])),
            ("description", lambda each: each["description"]),
        ],
        "there are no namespaces",
    )


@namespaces.command("show", epilog=example("onemq namespaces show team"))
@click.argument("name")
@talks
def show(frame: Frame, name: str) -> None:
    """One namespace."""
    found = frame.client.get("namespaces", name)
    frame.out.fields(found, [(key, value) for key, value in found.items() if value != []])


@namespaces.command("create", epilog=example("onemq namespaces create team --description 'the team'"))
@click.argument("name")
@click.option("--description", default="")
@click.option("--default-queue-type", type=click.Choice(["classic", "quorum", "stream"]))
@talks
def create(frame: Frame, name: str, description: str, default_queue_type: str | None) -> None:
    """Make a namespace."""
    body = {"description": description, "default_queue_type": default_queue_type or ""}
    done = frame.client.put("namespaces", name, body=body)
    frame.out.show(done, f"namespace {name} is {'made' if done['made'] else 'there already'}")


@namespaces.command("delete", epilog=example("onemq namespaces delete team --yes"))
@click.argument("name")
@yes_option
@talks
def delete(frame: Frame, name: str, yes: bool) -> None:
    """Delete a namespace with all that is in it."""
    confirm(f"delete namespace {name} with all that is in it", yes)
    done = frame.client.delete("namespaces", name)
    frame.out.show(done, f"namespace {name} is gone")
