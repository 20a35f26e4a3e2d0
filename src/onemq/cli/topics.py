"""`onemq topics`: list, show, create, delete, set."""

from typing import Any

import click

from onemq.cli.frame import BadUsage, Frame, confirm, example, talks, yes_option
from onemq.cli.output import at, number, size, yes
from onemq.cli.values import pairs


@click.group(epilog=example("onemq topics list", "onemq topics create events --partitions 3"))
def topics() -> None:
    """Topics: what Kafka's clients made, and what is read as one."""


@topics.command("list", epilog=example("onemq topics list"))
@talks
def list_topics(frame: Frame) -> None:
    """All topics."""
    found = frame.client.get("topics", query={"namespace": frame.namespace})
    frame.out.table(
        found,
        [
            ("name", lambda each: each["name"]),
            ("partitions>", lambda each: str(len(each["partitions"]))),
            ("messages>", lambda each: number(each["records"])),
            ("bytes>", lambda each: size(each["bytes"])),
            ("queue", lambda each: yes(each["queue"])),
            ("settings", lambda each: " ".join(f"{name}={value}" for name, value in each["configs"].items())),
        ],
        "there are no topics: `onemq topics create NAME`",
    )


@topics.command("show", epilog=example("onemq topics show events", "onemq topics show events --all-settings"))
@click.argument("topic")
@click.option("--all-settings", is_flag=True, help="Those that were not set, too.")
@talks
def show(frame: Frame, topic: str, all_settings: bool) -> None:
    """One topic: partitions, offsets, settings."""
    found = frame.client.get("topics", frame.namespace, topic)
    if frame.as_json:
        frame.out.json(found)
        return
    frame.out.table(
        found["topic"]["partitions"],
        [
            ("partition>", lambda each: str(each["index"])),
            ("first>", lambda each: str(each["start_offset"])),
            ("next>", lambda each: str(each["end_offset"])),
            ("committed>", lambda each: str(each["stable_end_offset"])),
            ("bytes>", lambda each: size(each["bytes"])),
            ("newest", lambda each: at(each["newest_at_ms"])),
        ],
        "no partitions",
    )
    shown = found["config_values"] if all_settings else found["topic"]["configs"]
    for name, value in shown.items():
        click.echo(f"{name}={value}")


@topics.command(
    "create",
    epilog=example(
        "onemq topics create events --partitions 3", "onemq topics create state cleanup.policy=compact"
    ),
)
@click.argument("topic")
@click.argument("configs", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("-p", "--partitions", type=click.IntRange(1), default=1, show_default=True)
@talks
def create(frame: Frame, topic: str, configs: tuple[str, ...], partitions: int) -> None:
    """Make a topic, with Kafka's settings as NAME=VALUE."""
    body = {"partitions": partitions, "configs": pairs(configs, "a setting")}
    done = frame.client.put("topics", frame.namespace, topic, body=body)
    frame.out.show(done, f"topic {topic} is {'made' if done['made'] else 'there already'}")


@topics.command("set", epilog=example("onemq topics set events retention.ms=86400000 --partitions 6"))
@click.argument("topic")
@click.argument("configs", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("-p", "--partitions", type=click.IntRange(1), help="So many from now on: more than there are.")
@talks
def set_settings(frame: Frame, topic: str, configs: tuple[str, ...], partitions: int | None) -> None:
    """Change Kafka's settings, or add partitions; NAME=default takes a setting back."""
    if not configs and partitions is None:
        raise BadUsage("nothing to change: give NAME=VALUE or --partitions")
    wanted: dict[str, Any] = {
        name: None if value == "default" else value for name, value in pairs(configs, "a setting").items()
    }
    body = {"configs": wanted, "partitions": partitions}
    done = frame.client.call("PATCH", "topics", frame.namespace, topic, body=body)
    frame.out.show(done, f"topic {topic} is changed")


@topics.command("delete", epilog=example("onemq topics delete events --yes"))
@click.argument("topic")
@yes_option
@talks
def delete(frame: Frame, topic: str, yes: bool) -> None:
    """Delete a topic with its messages."""
    confirm(f"delete topic {topic} with all that is in it", yes)
    done = frame.client.delete("topics", frame.namespace, topic)
    frame.out.show(done, f"topic {topic} is gone, {done['records']} messages with it")
