"""SNS over playbooks."""

from __future__ import annotations

from unit.heads.aws.playbook import Stage


def test_requests_of_sns_are_told_by_their_version() -> None:
    answer = Stage().connect().query("ListQueues", version="2010-03-31")
    assert (answer.status, answer.xml.findtext("Error/Code")) == (400, "InvalidAction")
