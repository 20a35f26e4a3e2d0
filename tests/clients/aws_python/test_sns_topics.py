"""SNS topics with boto3: made, shown, changed, tagged, listed, deleted; texts of errors as AWS has recorded them."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from clients.aws_python.session import (
    ACCOUNT,
    REGION,
    Client,
    Start,
    Unique,
    aws_client,
    crash,
    refused,
)


@pytest.fixture
def topic(sns: Client, unique: Unique) -> Generator[str, None, None]:
    arn: str = sns.create_topic(Name=unique("topic"))["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def test_a_topic_is_made_shown_and_deleted(sns: Client, unique: Unique) -> None:
    name = unique("topic")
    arn = sns.create_topic(Name=name)["TopicArn"]
    assert arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert set(shown) == {
        "DisplayName",
        "EffectiveDeliveryPolicy",
        "Owner",
        "Policy",
        "SubscriptionsConfirmed",
        "SubscriptionsDeleted",
        "SubscriptionsPending",
        "TopicArn",
    }
    assert json.loads(shown["EffectiveDeliveryPolicy"]) == {
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20,
                "maxDelayTarget": 20,
                "numRetries": 3,
                "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0,
                "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": False,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        }
    }
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    with refused("NotFound", "Topic does not exist", 404):
        sns.get_topic_attributes(TopicArn=arn)


def test_attributes(sns: Client, unique: Unique) -> None:
    given = {"DisplayName": "News", "SignatureVersion": "2", "FifoTopic": "true"}
    arn = sns.create_topic(Name=unique("topic.fifo"), Attributes=given)["TopicArn"]
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert {name: shown[name] for name in given} == given
    assert shown["ContentBasedDeduplication"] == "false"
    sns.set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue="true")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["ContentBasedDeduplication"] == "true"
    with refused("InvalidParameter", "Invalid parameter: AttributeName"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="FifoTopic", AttributeValue="false")
    with refused("InvalidParameter", "Invalid parameter: AttributeName"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Fake", AttributeValue="x")
    sns.delete_topic(TopicArn=arn)


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 257, "a.fifo", "a.b"])
def test_names(sns: Client, name: str) -> None:
    with refused("InvalidParameter", "Invalid parameter: Topic Name"):
        sns.create_topic(Name=name)


def test_arns_that_are_none(sns: Client) -> None:
    text = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not "
    with refused("InvalidParameter", f"{text}1"):
        sns.get_topic_attributes(TopicArn="random")
    with refused("InvalidParameter", f"{text}2"):
        sns.publish(TopicArn="randomstring:1", Message="x")
    with refused("InvalidParameter", f"{text}1"):
        sns.publish(TopicArn="", Message="x")


def test_tags(sns: Client, topic: str) -> None:
    with refused("InvalidParameter", "Invalid parameter: Duplicated keys are not allowed."):
        sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k1", "Value": "v1"}, {"Key": "k2", "Value": "v2"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["k1"])
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "k2", "Value": "v2b"}])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "k2", "Value": "v2b"}]
    name = topic.rsplit(":", 1)[1]
    with refused(
        "InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags"
    ):
        sns.create_topic(Name=name, Tags=[{"Key": "k3", "Value": "v"}])
    with refused("ResourceNotFound", "Resource does not exist", 404):
        sns.list_tags_for_resource(ResourceArn=topic + "missing")


def test_lists_have_pages(start: Start) -> None:
    sns = aws_client("sns", start().endpoint)
    made = {sns.create_topic(Name=f"topic-{number:03d}")["TopicArn"] for number in range(205)}
    first = sns.list_topics()
    assert len(first["Topics"]) == 100
    # Whatever goes between two pages, nothing else is missed.
    sns.delete_topic(TopicArn=first["Topics"][99]["TopicArn"])
    second = sns.list_topics(NextToken=first["NextToken"])
    third = sns.list_topics(NextToken=second["NextToken"])
    assert "NextToken" not in third
    found = [each["TopicArn"] for page in (first, second, third) for each in page["Topics"]]
    assert len(found) == 205 and set(found) == made
    with refused("InvalidParameter", "Invalid parameter: NextToken"):
        sns.list_topics(NextToken="!")


def test_permissions_are_statements_of_the_policy(sns: Client, topic: str) -> None:
    sns.add_permission(
        TopicArn=topic, Label="mine", AWSAccountId=["111122223333"], ActionName=["Publish", "Subscribe"]
    )
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "mine",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["SNS:Publish", "SNS:Subscribe"],
        "Resource": topic,
    }
    with refused("InvalidParameter", "Invalid parameter: Statement already exists"):
        sns.add_permission(TopicArn=topic, Label="mine", AWSAccountId=["1"], ActionName=["Publish"])
    with refused("InvalidParameter", "Invalid parameter: Policy statement action out of service scope!"):
        sns.add_permission(TopicArn=topic, Label="other", AWSAccountId=["1"], ActionName=["Fly"])
    sns.remove_permission(TopicArn=topic, Label="mine")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["__default_statement_ID"]


def test_topics_survive_a_crash(start: Start) -> None:
    own_broker = start()
    sns = aws_client("sns", own_broker.endpoint)
    arn = sns.create_topic(Name="kept", Attributes={"DisplayName": "d"}, Tags=[{"Key": "k", "Value": "v"}])[
        "TopicArn"
    ]
    gone = sns.create_topic(Name="gone")["TopicArn"]
    sns.delete_topic(TopicArn=gone)
    crash(own_broker)
    sns = aws_client("sns", own_broker.endpoint)
    assert [each["TopicArn"] for each in sns.list_topics()["Topics"]] == [arn]
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "d"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
