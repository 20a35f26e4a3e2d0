"""One broker in this process for the tests of this folder, by the plugin's own fixtures."""

from __future__ import annotations

from onemq.pytest_plugin import onemq, onemq_clock, onemq_faults, onemq_name, onemq_session, onemq_settings

__all__ = ["onemq", "onemq_clock", "onemq_faults", "onemq_name", "onemq_session", "onemq_settings"]
