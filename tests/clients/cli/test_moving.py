"""dead-letters, redrive, replay."""

from __future__ import annotations

from typing import Any

from clients.cli.conftest import Cli
from clients.cli.test_messages import read_topic


def graveyard(onemq: Cli, name: str, channel: Any, *tenants: str) -> str:
    """Messages of these tenants were rejected by a consumer of pika's; where they are now."""
    dead = f"{name}.dead"
    onemq.run("queues", "create", dead)
    onemq.run("queues", "create", name, "--dead-letter-to", dead)
    for tenant in tenants:
        onemq.run("publish", name, f"of {tenant}", "--header", f"tenant={tenant}")
    for _ in tenants:
        method, _, _ = channel.basic_get(name)
        channel.basic_reject(method.delivery_tag, requeue=False)
    channel.queue_declare(name, passive=True)
    return dead


def test_dead_letters_say_why_where_how_often_and_when(onemq: Cli, name: str, channel: Any) -> None:
    dead = graveyard(onemq, name, channel, "acme", "other")
    found = onemq.json("dead-letters", dead)
    (death,) = found[0]["deaths"]
    assert (death["queue"], death["reason"], death["count"], death["routing_keys"]) == (
        name,
        "rejected",
        1,
        [name],
    )
    line = onemq.text("dead-letters", dead).splitlines()[1]
    assert line.split()[1:4] == [name, "rejected", "1"] and line.endswith("of acme")
    chosen = onemq.json("dead-letters", dead, "--where", "tenant=other", "--where", "@reason=rejected")
    assert [each["body"] for each in chosen] == ["of other"]
    assert onemq.json("dead-letters", dead, "--where", "@queue=elsewhere") == []
    assert len(onemq.json("dead-letters", dead, "--since", "1h")) == 2
    assert onemq.json("dead-letters", dead, "--since", "now") == []


def test_redrive_back_to_where_they_died(onemq: Cli, name: str, channel: Any) -> None:
    dead = graveyard(onemq, name, channel, "a", "b")
    assert onemq.text("redrive", dead, "--dry-run") == f"would move 2 to {name}\n"
    assert onemq.text("redrive", dead) == f"moved 2 from {dead} to where they died (completed)\n"
    assert onemq.text("consume", name) == "of a\nof b\n"
    onemq.run("publish", dead, "never died")
    assert "say where it is to go with --to" in onemq.fails("redrive", dead)


def test_redrive_some_of_them_elsewhere(onemq: Cli, name: str, channel: Any) -> None:
    dead = graveyard(onemq, name, channel, "a", "b", "a", "a")
    other = f"{name}.other"
    onemq.run("queues", "create", other)
    arguments = ("redrive", dead, "--to", other, "--where", "tenant=a", "--since", "1h", "--limit", "2")
    assert onemq.json(*arguments, "--dry-run") == {"would_move": {other: 2}, "without_origin": 0}
    done = onemq.json(*arguments)
    assert (done["state"], done["moved"]) == ("completed", 2)
    assert onemq.text("consume", other) == "of a\nof a\n"
    assert onemq.text("consume", dead) == "of b\nof a\n"


def test_redrive_goes_on_without_us(onemq: Cli, name: str, channel: Any) -> None:
    dead = graveyard(onemq, name, channel, "a", "b")
    assert "is at work" in onemq.text("redrive", dead, "--rate", "100", "--detach")
    assert onemq.text("consume", name, "--wait", "20s", "--count", "2") == "of a\nof b\n"


def test_replay_sets_groups_back(onemq: Cli, name: str) -> None:
    onemq.run("topics", "create", name)
    onemq.run("publish", name, input="1\n2\n")
    assert len(read_topic(onemq, name, 2)) == 2
    told = onemq.text("replay", name, "--since", "1h", "--dry-run")
    assert told == f"group {name}-group would read 2 messages of {name} again\n"
    assert onemq.text("replay", name, "--since", "1h", "--group", f"{name}-group").startswith("group")
    assert [bytes(each.value()) for each in read_topic(onemq, name, 2)] == [b"1", b"2"]
    assert "there is no group" in onemq.fails("replay", name, "--since", "1h", "--group", "nobody")


def test_replay_copies_into_a_queue(onemq: Cli, name: str, channel: Any) -> None:
    onemq.run("topics", "create", name, "--partitions", "2")
    onemq.run("publish", name, input="1\n2\n3\n")
    again = f"{name}.again"
    onemq.run("queues", "create", again)
    assert "no group reads" in onemq.fails("replay", name, "--since", "1h")
    assert onemq.json("replay", name, "--since", "1h", "--to", again) == {"copied": 3, "to": again}
    assert sorted(onemq.text("consume", again).split()) == ["1", "2", "3"]
    stream = f"{name}.stream"
    channel.queue_declare(stream, durable=True, arguments={"x-queue-type": "stream"})
    onemq.run("publish", stream, input="s1\ns2\n")
    assert (
        onemq.text("replay", stream, "--since", "1h", "--to", again) == f"copied 2 from {stream} to {again}\n"
    )
    assert "keeps nothing" in onemq.fails("replay", again, "--since", "1h", "--to", name)
    assert "copy what is kept" in onemq.fails("replay", stream, "--since", "1h")
