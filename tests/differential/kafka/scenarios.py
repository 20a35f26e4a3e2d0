"""All scenarios, by name."""

from __future__ import annotations

from typing import Final

from differential.kafka import (
    access_scenarios,
    group_scenarios,
    log_scenarios,
    modern_scenarios,
    topic_scenarios,
)
from differential.kafka.compare import Scenario

SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.__name__: scenario
    for module in (topic_scenarios, log_scenarios, group_scenarios, access_scenarios, modern_scenarios)
    for scenario in module.SCENARIOS
}
