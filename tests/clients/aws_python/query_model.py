"""botocore's client of SQS in the Query protocol, as it was before November 2023: today's model with the names that XML and forms had.

No test lives here. What it adds to the model are the names of SQS's WSDL: `Attribute`, `SendMessageBatchRequestEntry` and so on.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import boto3
from botocore.loaders import Loader

from clients.aws_python.session import Client, client_settings

MEMBERS = {
    "CreateQueueRequest": {"Attributes": "Attribute", "tags": "Tag"},
    "SetQueueAttributesRequest": {"Attributes": "Attribute"},
    "GetQueueAttributesResult": {"Attributes": "Attribute"},
    "TagQueueRequest": {"Tags": "Tag"},
    "ListQueueTagsResult": {"Tags": "Tag"},
    "SendMessageRequest": {
        "MessageAttributes": "MessageAttribute",
        "MessageSystemAttributes": "MessageSystemAttribute",
    },
    "SendMessageBatchRequestEntry": {
        "MessageAttributes": "MessageAttribute",
        "MessageSystemAttributes": "MessageSystemAttribute",
    },
    "Message": {"Attributes": "Attribute", "MessageAttributes": "MessageAttribute"},
}
MAPS = {
    "QueueAttributeMap": ("Name", "Value"),
    "MessageBodyAttributeMap": ("Name", "Value"),
    "MessageBodySystemAttributeMap": ("Name", "Value"),
    "MessageSystemAttributeMap": ("Name", "Value"),
    "TagMap": ("Key", "Value"),
}
ITEMS = {
    "AttributeNameList": "AttributeName",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageSystemAttributeList": "MessageSystemAttributeName",
    "MessageList": "Message",
    "QueueUrlList": "QueueUrl",
    "TagKeyList": "TagKey",
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "StringList": "StringListValue",
    "BinaryList": "BinaryListValue",
}


def query_model(model: dict[str, Any]) -> dict[str, Any]:
    """The JSON protocol's model as one of the Query protocol."""
    model["metadata"].update(
        protocol="query", protocols=["query"], xmlNamespace="http://queue.amazonaws.com/doc/2012-11-05/"
    )
    for name in ("awsQueryCompatible", "jsonVersion", "targetPrefix"):
        model["metadata"].pop(name, None)
    for operation in model["operations"].values():
        if "output" in operation:
            operation["output"]["resultWrapper"] = operation["name"] + "Result"
    shapes = model["shapes"]
    for shape, members in MEMBERS.items():
        for member, name in members.items():
            shapes[shape]["members"][member]["locationName"] = name
    for shape, (key, value) in MAPS.items():
        shapes[shape]["key"]["locationName"] = key
        shapes[shape]["value"]["locationName"] = value
    for name, shape in shapes.items():
        if shape["type"] == "list":
            # Lists of entries are named as their entries are.
            shape["member"]["locationName"] = ITEMS.get(name) or name.removesuffix("List")
    return model


@cache
def model_directory() -> str:
    model = query_model(Loader(include_default_search_paths=True).load_service_model("sqs", "service-2"))
    directory = Path(mkdtemp(prefix="sqs-query-"))
    (directory / "sqs" / "2012-11-05").mkdir(parents=True)
    (directory / "sqs" / "2012-11-05" / "service-2.json").write_text(json.dumps(model), encoding="utf-8")
    return str(directory)


def query_protocol_client(endpoint: str, **overrides: Any) -> Client:
    """As session.aws_client, for SQS in the Query protocol."""
    session = boto3.session.Session()
    session._session.get_component("data_loader").search_paths.insert(0, model_directory())
    return session.client("sqs", **client_settings(endpoint, overrides))
