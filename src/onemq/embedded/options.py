"""Settings of a broker inside a process: the same tree as `onemq serve` has, with what fits a guest as defaults.

Must not read the environment or a file: what a program wants it says.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from onemq.config import OFF, Settings
from onemq.config_sources import load

DRAIN_SECONDS: Final = 0.5
"""How long a stop waits for clients to say goodbye: those in the same process often cannot, they are being stopped as well."""

MEMORY_JOURNAL_BYTES_MAX: Final = 8 << 20
"""A journal in memory is memory: what is settled goes sooner than from a disk."""
PORT: Final = "port"
TLS_PORT: Final = "tls_port"

_ORIGINAL: Final = Settings()


def settings_for(data: str | Path | None, memory: bool, given: Mapping[str, object] | None) -> Settings:
    """Raises ValueError (`data` and `memory` exclude each other), BadSettings.

    given: settings by dotted name ("amqp.heartbeat_seconds") or by section, as in onemq.toml.
    """
    if data is not None and memory:
        raise ValueError("data and memory=True exclude each other: what is kept in memory is not stored")
    settings = load(values=_defaults(data is None) | _dotted(given or {}))
    settings.storage.memory = data is None
    if data is not None:
        settings.storage.data = str(data)
    if not settings.tls_configured():
        for name in sections_with(TLS_PORT):
            setattr(getattr(settings, name), TLS_PORT, OFF)
    return settings


def sections_with(setting: str) -> list[str]:
    """The sections that have a setting of this name: every listener there is, and will be."""
    return [name for name in Settings.__struct_fields__ if hasattr(getattr(_ORIGINAL, name), setting)]


def _defaults(memory: bool) -> dict[str, object]:
    found: dict[str, object] = {"server.drain_seconds": DRAIN_SECONDS}
    if memory:
        found["storage.journal_bytes_max"] = MEMORY_JOURNAL_BYTES_MAX
    for setting in (PORT, TLS_PORT):
        for name in sections_with(setting):
            found[f"{name}.{setting}"] = 0
    return found


def _dotted(given: Mapping[str, object]) -> dict[str, object]:
    """Sections are taken apart by one level, so that a section given does not hide the defaults in it."""
    found: dict[str, object] = {}
    for name, value in given.items():
        if isinstance(value, Mapping) and name not in ("users",):
            for inner, inner_value in value.items():
                found[f"{name}.{inner}"] = inner_value
        else:
            found[name] = value
    return found
