"""`onemq export`: everything that was declared, in our own form or RabbitMQ's."""

import json
from typing import IO

import click

from onemq.cli.frame import CliError, Frame, example, talks


@click.command(
    epilog=example("onemq export > broker.json", "onemq export --form rabbitmq --file definitions.json")
)
@click.option(
    "--form",
    type=click.Choice(["onemq", "rabbitmq"]),
    default="onemq",
    show_default=True,
    help="Ours has topics and all settings; RabbitMQ's is for its tools.",
)
@click.option("--file", type=click.File("w", encoding="utf-8", lazy=True), help="Instead of standard output.")
@click.option("--this-namespace", is_flag=True, help="Only of --namespace, without users.")
@talks
def export(frame: Frame, form: str, file: IO[str] | None, this_namespace: bool) -> None:
    """Write down namespaces, users, permissions, policies, queues, topics, exchanges and bindings. Messages stay.

    It is JSON in either form. Passwords leave as hashes; secrets of access keys do not leave.
    """
    if form == "rabbitmq":
        path = ("definitions", frame.namespace) if this_namespace else ("definitions",)
        found = frame.client.call("GET", *path, prefix="/api/")
        left = []
    else:
        query = {"namespace": frame.namespace} if this_namespace else None
        found = frame.client.get("definitions", query=query)
        left = found["not_carried"]
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if file is None:
        click.echo(text, nl=False)
    else:
        try:
            file.write(text)
            file.close()
        except OSError as error:
            raise CliError(f"cannot write the export: {error}") from None
        click.echo(f"wrote {len(found['queues'])} queues and what belongs to them to {file.name}", err=True)
    for each in left:
        click.echo(f"not carried: {each}", err=True)
