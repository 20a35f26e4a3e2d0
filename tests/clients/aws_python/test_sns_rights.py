"""SNS with users configured: signatures are checked, rights hold, and only links that prove themselves need neither."""

from __future__ import annotations

import urllib.parse
from collections.abc import Generator
from urllib.error import HTTPError

import pytest

from clients.aws_python.http_endpoint import Endpoint, visit
from clients.aws_python.session import AwsBroker, Client, Start, aws_client, refused

USERS = """
[users.owner]
access_keys = { OWNERKEY = "owner secret" }
permissions = { "/" = { configure = "^news", write = "^(news|mine)", read = "^news" } }

[users.writer]
access_keys = { WRITERKEY = "writer secret" }
permissions = { "/" = { configure = "^$", write = "^news", read = "^$" } }
"""


@pytest.fixture
def broker(start: Start) -> AwsBroker:
    return start(configuration=USERS)


@pytest.fixture
def web() -> Generator[Endpoint, None, None]:
    made = Endpoint()
    yield made
    made.close()


def client_of(broker: AwsBroker, user: str, secret: str = "") -> Client:
    return aws_client(
        "sns",
        broker.endpoint,
        aws_access_key_id=f"{user.upper()}KEY",
        aws_secret_access_key=secret or f"{user} secret",
    )


def test_rights(broker: AwsBroker) -> None:
    owner, writer = client_of(broker, "owner"), client_of(broker, "writer")
    topic = owner.create_topic(Name="news")["TopicArn"]
    assert "MessageId" in writer.publish(TopicArn=topic, Message="text")
    with refused("AuthorizationError", status=403):
        writer.get_topic_attributes(TopicArn=topic)
    with refused("AuthorizationError", status=403):
        writer.delete_topic(TopicArn=topic)
    with refused("AuthorizationError", status=403):
        owner.create_topic(Name="other")
    assert writer.list_topics()["Topics"] == []
    account = topic.replace(":sns:", ":sqs:").rsplit(":", 1)[0]
    # Who may not write into a queue may not have SNS do it.
    with refused("AuthorizationError", status=403):
        owner.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{account}:theirs")
    owner.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{account}:mine")
    with refused("AuthorizationError", status=403):
        writer.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{account}:news")


def test_signatures(broker: AwsBroker) -> None:
    with refused("SignatureDoesNotMatch", status=403):
        client_of(broker, "owner", "another secret").create_topic(Name="news")
    with pytest.raises(HTTPError) as caught:
        visit(f"{broker.endpoint}/?Action=CreateTopic&Name=news")
    assert caught.value.code == 403


def test_links_need_no_signature(broker: AwsBroker, web: Endpoint) -> None:
    owner = client_of(broker, "owner")
    topic = owner.create_topic(Name="news")["TopicArn"]
    owner.subscribe(TopicArn=topic, Protocol="http", Endpoint=web.url)
    with pytest.raises(HTTPError) as caught:
        visit(f"{broker.endpoint}/?Action=ConfirmSubscription&TopicArn={topic}&Token={'0' * 64}")
    assert caught.value.code == 400
    web.confirm()
    owner.publish(TopicArn=topic, Message="text")
    document = web.wait_for("Notification")[0].document
    assert "BEGIN CERTIFICATE" in visit(document["SigningCertURL"])
    guessed = urllib.parse.quote(f"{topic}:00000000-0000-4000-a000-000000000000")
    visit(f"{broker.endpoint}/?Action=Unsubscribe&SubscriptionArn={guessed}")
    assert len(owner.list_subscriptions()["Subscriptions"]) == 1
    visit(document["UnsubscribeURL"])
    assert owner.list_subscriptions()["Subscriptions"] == []
