"""Settings of topics, groups and the broker as DescribeConfigs shows them: value, where it comes from, what stands behind it.

Must not: read or write a message, change a setting.
Spec: KIP-226 (sources and synonyms), KIP-569 (types and documentation).
"""

from typing import Final

from onemq.engine.group_configs import GROUP_CONFIGS
from onemq.engine.topics.config import TopicConfig, list_of
from onemq.engine.topics.config_table import (
    BOOLEAN,
    DOUBLE,
    INT,
    LIST,
    LONG,
    SHORT,
    TOPIC_CONFIGS,
    ConfigEntry,
)
from onemq.heads.kafka.server_configs import SOURCE_DEFAULT, ServerConfig, default_of

SOURCE_TOPIC: Final = 1
SOURCE_GROUP: Final = 8

NOBODYS_DEFAULT: Final[dict[str, ServerConfig]] = {}


class Synonym:
    """One name under which the value could be set."""

    __slots__ = ("name", "source", "value")

    def __init__(self, name: str, value: str | None, source: int) -> None:
        self.name = name
        self.value = value
        self.source = source


class ConfigView:
    """One setting as shown."""

    __slots__ = ("documentation", "kind", "name", "read_only", "source", "synonyms", "value")

    def __init__(
        self,
        name: str,
        value: str | None,
        kind: int,
        source: int,
        documentation: str,
        synonyms: list[Synonym],
        read_only: bool = False,
    ) -> None:
        self.name = name
        self.value = value
        self.kind = kind
        self.source = source
        self.documentation = documentation
        self.synonyms = synonyms
        self.read_only = read_only


def topic_views(config: TopicConfig, server: dict[str, ServerConfig]) -> list[ConfigView]:
    """server: the broker's settings by name, for the synonyms; empty = Kafka's defaults."""
    return _views(TOPIC_CONFIGS, config.overrides, SOURCE_TOPIC, server)


def group_views(overrides: dict[str, str], server: dict[str, ServerConfig]) -> list[ConfigView]:
    return _views(GROUP_CONFIGS, overrides, SOURCE_GROUP, server)


def _views(
    table: dict[str, ConfigEntry], overrides: dict[str, str], own_source: int, server: dict[str, ServerConfig]
) -> list[ConfigView]:
    found: list[ConfigView] = []
    for name, entry in table.items():
        synonyms: list[Synonym] = []
        value = entry.default
        source = SOURCE_DEFAULT
        if name in overrides:
            value = overrides[name]
            source = own_source
            synonyms.append(Synonym(name, value, own_source))
        for other in entry.synonyms:
            known = server.get(other)
            behind = default_of(other) if known is None else known.value
            if behind is None:
                if other == entry.synonyms[0]:
                    # As Kafka: it shows none of them where the strongest has no value (retention.ms: log.retention.ms).
                    break
                continue
            behind_source = SOURCE_DEFAULT if known is None else known.source
            synonyms.append(Synonym(other, behind, behind_source))
        if own_source == SOURCE_GROUP and not entry.synonyms and entry.default is not None:
            synonyms.append(Synonym(name, entry.default, SOURCE_DEFAULT))
        found.append(ConfigView(name, value, entry.kind, source, entry.documentation, synonyms))
    return found


def as_parsed(kind: int, text: str | None, source: int) -> str | None:
    """A value that somebody has set as Kafka writes what it has read: a number in its own form, a list without repetitions."""
    if text is None or source not in (SOURCE_TOPIC, SOURCE_GROUP):
        return text
    if kind == LIST:
        return ",".join(dict.fromkeys(list_of(text)))
    if kind == BOOLEAN:
        return text.strip().lower()
    if kind in (INT, LONG, SHORT):
        return str(int(text))
    if kind == DOUBLE:
        return str(float(text))
    return text.strip()


def server_views(configs: list[ServerConfig]) -> list[ConfigView]:
    """All read-only: onemq.toml has the settings."""
    found: list[ConfigView] = []
    for config in configs:
        synonyms = [] if config.value is None else [Synonym(config.name, config.value, config.source)]
        found.append(
            ConfigView(
                config.name, config.value, config.kind, config.source, config.documentation, synonyms, True
            )
        )
    return found
