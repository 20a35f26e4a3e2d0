"""`onemq import`: declares what a file says, entity by entity, and says of each what became of it."""

import json
import sys
from collections.abc import Callable
from typing import Any, Final

import click

from onemq.cli.client import Refused
from onemq.cli.frame import CliError, Frame, example, talks
from onemq.cli.progress import Progress
from onemq.cli.transfer.plan import Plan, Step

MADE: Final = "made"
SET: Final = "set"
THERE: Final = "there already"
REFUSED: Final = "refused"
WOULD: Final = "would be made"
WOULD_SET: Final = "would be set"
IN_SETTINGS: Final = "stands in the settings"
FORMS: Final = ("onemq", "rabbitmq", "elasticmq")


@click.command(
    "import",
    epilog=example(
        "onemq import definitions.json --dry-run",
        "onemq import elasticmq.conf",
        "onemq export | ssh other onemq import -",
    ),
)
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--form", type=click.Choice(FORMS), help="What the file is; without: it is looked at.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be made, and what cannot be carried.")
@talks
def import_command(frame: Frame, file: Any, form: str | None, dry_run: bool) -> None:
    """Declare what FILE says: our own export, RabbitMQ's definitions.json, ElasticMQ's settings (HOCON).

    What is there already stays as it is. Entities that are refused do not stop the others; then the exit status is 1.
    """
    plan = _plan(file.read(), form, frame.namespace)
    known = _known(frame)
    rows: list[dict[str, str]] = []
    steps = plan.ordered()
    with Progress(frame.out, f"importing {plan.form}", len(steps)) as progress:
        for step in steps:
            result, why = _told(step, known) if dry_run else _done(frame, step, known)
            rows.append({"kind": step.kind, "name": step.name, "result": result, "why": why})
            progress.advance(1)
    _show(frame, plan, rows)
    refused = sum(1 for row in rows if row["result"] == REFUSED)
    if refused:
        raise CliError(f"{refused} of {len(rows)} were refused, the others are done: see the list above")


def _plan(text: str, form: str | None, namespace: str) -> Plan:
    from onemq.cli.transfer import elasticmq, ours, rabbitmq

    if form != "elasticmq":
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            if form == "onemq" or (form is None and "onemq" in found):
                return ours.plan_of(found)
            if form == "rabbitmq" or any(
                name in found for name in ("rabbit_version", "vhosts", "queues", "exchanges")
            ):
                try:
                    return rabbitmq.plan_of(found)
                except (KeyError, TypeError, AttributeError) as error:
                    raise CliError(f"these definitions are not whole: {error!r}") from None
        if form is not None:
            raise CliError(f"this file is no JSON of {form}")
    return elasticmq.plan_of(elasticmq.read(text), namespace)


def _known(frame: Frame) -> set[tuple[str, str]]:
    """What is there: kind, and the path that names it."""
    definitions = frame.client.get("definitions")
    found = {("user", each["name"]) for each in definitions["users"]}
    found |= {("namespace", each["name"]) for each in definitions["namespaces"]}
    for kind in ("queue", "topic", "exchange"):
        found |= {(kind, f"{each['namespace']}\0{each['name']}") for each in definitions[f"{kind}s"]}
    return found


def _is_known(step: Step, known: set[tuple[str, str]]) -> bool:
    return (step.kind, "\0".join(step.path[1:])) in known


def _told(step: Step, known: set[tuple[str, str]]) -> tuple[str, str]:
    if _is_known(step, known):
        return THERE, ""
    return (WOULD if step.kind in ("namespace", "user", "queue", "topic", "exchange") else WOULD_SET), ""


def _done(frame: Frame, step: Step, known: set[tuple[str, str]]) -> tuple[str, str]:
    if _is_known(step, known) and step.kind in ("queue", "topic", "exchange", "namespace", "user"):
        return THERE, ""
    try:
        frame.client.call(step.method, *step.path, body=step.body, prefix=step.prefix)
    except Refused as error:
        if error.status == 401:
            raise
        if error.kind == "not_supported" and step.kind in ("user", "permission"):
            return IN_SETTINGS, error.message
        return REFUSED, error.message
    return (MADE if step.kind in ("namespace", "user", "queue", "topic", "exchange") else SET), ""


def _show(frame: Frame, plan: Plan, rows: list[dict[str, str]]) -> None:
    if frame.as_json:
        frame.out.json({"form": plan.form, "entities": rows, "not_carried": plan.not_carried})
        return
    columns: list[tuple[str, Callable[[Any], str]]] = [
        ("kind", lambda each: each["kind"]),
        ("name", lambda each: each["name"]),
        ("result", lambda each: each["result"]),
        ("why", lambda each: each["why"]),
    ]
    frame.out.table(rows, columns, "there is nothing in this file")
    sys.stdout.flush()
    for text in plan.not_carried:
        click.echo(f"not carried: {text}", err=True)
