"""kcat, the command line client: metadata, producing, consuming from offsets, groups."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from clients.conftest import missing_toolchain

INSTALL_SECONDS_MAX = 120
RUN_SECONDS_MAX = 30
AT_ONCE = "fetch.wait.max.ms=50"
"""It looks for the end of a partition with a fetch that finds nothing."""

Kcat = Callable[..., str]

pytestmark = pytest.mark.timeout(INSTALL_SECONDS_MAX + RUN_SECONDS_MAX)


def installed() -> bool:
    """Whether it is there; where one may (root, on Debian) it is installed now."""
    if shutil.which("kcat") is None and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "kcat"]
        subprocess.run(install, capture_output=True, check=False, timeout=INSTALL_SECONDS_MAX)
    return shutil.which("kcat") is not None


@pytest.fixture(scope="session")
def kcat(bootstrap: str) -> Kcat:
    """Runs kcat with these arguments against the broker and gives its standard output."""
    if not installed():
        missing_toolchain("not installed: kcat")

    def run(*arguments: str, standard_input: str = "") -> str:
        done = subprocess.run(
            ["kcat", "-b", bootstrap, "-X", AT_ONCE, "-X", "allow.auto.create.topics=true", *arguments],
            input=standard_input,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def topic(kcat: Kcat) -> str:
    """A topic with the records k0:v0 to k4:v4 in partition 0, created by the first of them."""
    name = f"kcat-{uuid.uuid4().hex[:8]}"
    lines = "".join(f"k{number}:v{number}\n" for number in range(5))
    kcat("-P", "-t", name, "-p", "0", "-K", ":", standard_input=lines)
    return name


def read(kcat: Kcat, topic: str, *arguments: str) -> list[str]:
    """Keys, values and offsets from partition 0 up to its end."""
    return kcat("-C", "-q", "-e", "-t", topic, "-p", "0", "-f", "%k %s %o\n", *arguments).splitlines()


def test_metadata(kcat: Kcat, topic: str, bootstrap: str) -> None:
    listed: dict[str, Any] = json.loads(kcat("-L", "-J"))
    assert [broker["name"] for broker in listed["brokers"]] == [bootstrap]
    found = next(one for one in listed["topics"] if one["topic"] == topic)
    broker_id = listed["brokers"][0]["id"]
    assert found["partitions"][0] == {
        "partition": 0,
        "leader": broker_id,
        "replicas": [{"id": broker_id}],
        "isrs": [{"id": broker_id}],
    }


def test_consume_from_offsets(kcat: Kcat, topic: str) -> None:
    assert read(kcat, topic, "-o", "beginning") == [f"k{number} v{number} {number}" for number in range(5)]
    assert read(kcat, topic, "-o", "3") == ["k3 v3 3", "k4 v4 4"]
    assert read(kcat, topic, "-o", "-1") == ["k4 v4 4"]
    assert read(kcat, topic, "-o", "end") == []
    assert read(kcat, topic, "-o", "1", "-c", "2") == ["k1 v1 1", "k2 v2 2"]


def test_query_and_consume_by_time(kcat: Kcat, topic: str) -> None:
    first, last = (
        json.loads(line)["ts"]
        for line in kcat("-C", "-q", "-e", "-J", "-t", topic, "-p", "0", "-o", "beginning").splitlines()[::4]
    )
    assert kcat("-Q", "-t", f"{topic}:0:{first}").strip() == f"{topic} [0] offset 0"
    assert kcat("-Q", "-t", f"{topic}:0:-1").strip() == f"{topic} [0] offset 5"
    assert kcat("-Q", "-t", f"{topic}:0:-2").strip() == f"{topic} [0] offset 0"
    assert read(kcat, topic, "-o", f"s@{last + 1}") == []
    assert len(read(kcat, topic, "-o", f"s@{first}")) == 5


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_headers_and_codecs(kcat: Kcat, topic: str, codec: str) -> None:
    text = "text " * 100
    kcat(
        "-P", "-t", topic, "-p", "0", "-z", codec, "-k", "key", "-H", "one=1", "-H", "two=2", standard_input=text
    )  # fmt: skip
    (found,) = kcat("-C", "-q", "-e", "-J", "-t", topic, "-p", "0", "-o", "5").splitlines()
    record = json.loads(found)
    assert (record["key"], record["payload"]) == ("key", text)
    assert record["headers"] == ["one", "1", "two", "2"]


def test_empty_values_are_tombstones(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-p", "0", "-Z", "-K", ":", standard_input="gone:\n")
    (found,) = kcat("-C", "-q", "-e", "-J", "-t", topic, "-p", "0", "-o", "5").splitlines()
    assert json.loads(found)["payload"] is None


def test_idempotent_producer(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=true", standard_input="a\nb\n")
    assert read(kcat, topic, "-o", "5") == [" a 5", " b 6"]


def test_transaction(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-p", "0", "-X", f"transactional.id={topic}", standard_input="a\nb\n")
    assert read(kcat, topic, "-o", "5", "-X", "isolation.level=read_committed") == [" a 5", " b 6"]


def test_a_group_goes_on_where_it_was(kcat: Kcat, topic: str) -> None:
    def read_as_group(count: int) -> list[str]:
        settings = ["-X", "auto.offset.reset=earliest", "-c", str(count), "-q", "-f", "%s\n"]
        return kcat("-G", f"group-{topic}", *settings, topic).splitlines()

    assert read_as_group(3) == ["v0", "v1", "v2"]
    assert read_as_group(2) == ["v3", "v4"]
