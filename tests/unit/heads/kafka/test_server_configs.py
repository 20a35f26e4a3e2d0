"""The broker's settings as shown: defaults are Kafka's, own values are ours."""

from __future__ import annotations

from onemq.engine.topics.config_table import TYPE_NAMES
from onemq.heads.kafka.server_configs import SOURCE_DEFAULT, SOURCE_STATIC, default_of, server_configs
from onemq.heads.kafka.settings import KafkaSettings
from unit.engine.topics import kafka_configs

KAFKAS = {row[0]: (row[1], row[2]) for row in kafka_configs.rows(kafka_configs.BROKER)}
CONFIGS = server_configs(KafkaSettings(broker_id=7, partitions_default=4, auto_create_topics=False), "h:1")


def test_every_default_is_kafkas() -> None:
    defaults = [config for config in CONFIGS if config.source == SOURCE_DEFAULT]
    assert len(defaults) > 100
    for config in defaults:
        kind, default = KAFKAS[config.name]
        assert (TYPE_NAMES[config.kind], config.value) == (kind, None if default == "null" else default)


def test_own_values() -> None:
    own = {config.name: config.value for config in CONFIGS if config.source == SOURCE_STATIC}
    assert own["node.id"] == own["broker.id"] == "7"
    assert (own["num.partitions"], own["auto.create.topics.enable"]) == ("4", "false")
    assert own["advertised.listeners"] == "PLAINTEXT://h:1"
    assert set(own) - set(KAFKAS) == {"super.users"}, "the authorizer's, not in Kafka's own table"
    assert [config.name for config in CONFIGS] == sorted(config.name for config in CONFIGS)
    assert all(config.documentation for config in CONFIGS)


def test_defaults_by_name() -> None:
    assert (default_of("log.retention.hours"), default_of("log.retention.ms"), default_of("x")) == (
        "168",
        None,
        None,
    )
