"""The table: what it names is there, and its messages are."""

from __future__ import annotations

import pytest

from onemq.heads.kafka.api import APIS
from onemq.heads.kafka.commands import table


@pytest.mark.parametrize("api_key", sorted({*table._LATER, *table._LOADED}))
def test_every_offered_api_has_a_handler_of_its_name(api_key: int) -> None:
    handler = table.handler_of(api_key)
    name = "".join(word.capitalize() for word in handler.__name__.removeprefix("handle_").split("_"))
    assert name == APIS[api_key].name


def test_an_unknown_one_is_not_offered() -> None:
    assert not table.is_offered(71), "telemetry"
    with pytest.raises(KeyError):
        table.handler_of(71)
