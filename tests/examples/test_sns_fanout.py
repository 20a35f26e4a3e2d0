"""The fan-out example: every service gets what its filter lets pass, and nothing else."""

from __future__ import annotations

import boto3

from example_runner import Examples, rows

WANTED = {
    "analytics": {("ride-1", "ride.created"), ("ride-2", "ride.created"), ("ride-3", "ride.created"),
                  ("ride-1", "driver.moved"), ("ride-1", "ride.ended")},
    "driver-matcher": {("ride-1", "ride.created"), ("ride-2", "ride.created"), ("ride-3", "ride.created")},
    "notification": {("ride-1", "ride.created"), ("ride-2", "ride.created"), ("ride-3", "ride.created"),
                     ("ride-1", "ride.ended")},
    "payment-authorizer": {("ride-1", "ride.created"), ("ride-3", "ride.created")},
    "premium-desk": {("ride-3", "ride.created")},
}  # fmt: skip


def test_every_service_gets_what_it_asked_for(examples: Examples) -> None:
    database = examples.directory / "rides.sqlite3"
    examples.environment["RIDES_DATABASE"] = str(database)
    examples.play("sns_fanout")
    examples.play("sns_fanout")  # what is there already is no hindrance
    got: dict[str, set[tuple[str, str]]] = {}
    for service, ride, event in rows(database, "SELECT service, ride_id, event FROM done"):
        got.setdefault(service, set()).add((ride, event))
    assert got == WANTED

    sqs = boto3.client(
        "sqs",
        endpoint_url=examples.environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for url in sqs.list_queues(QueueNamePrefix="rides-")["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert [attributes[name] for name in names] == ["0", "0"], url
