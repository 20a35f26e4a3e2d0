"""SQS's operations over playbooks."""

from __future__ import annotations

from unit.heads.aws.playbook import Stage


def test_lists_are_given_in_pages() -> None:
    from unit.heads.test_aws import declare

    stage = Stage()
    declare(stage, *(f"queue{number}" for number in range(5)), "other")
    peer = stage.connect()
    found = peer.sqs("ListQueues", QueueNamePrefix="queue", MaxResults=2)
    names = [url.rpartition("/")[2] for url in found["QueueUrls"]]
    while "NextToken" in found:
        found = peer.sqs("ListQueues", QueueNamePrefix="queue", MaxResults=2, NextToken=found["NextToken"])
        names += [url.rpartition("/")[2] for url in found["QueueUrls"]]
    assert names == [f"queue{number}" for number in range(5)]
