"""How many workers there should be: up at once, down one at a time and only after it has been calm for a while.

The same rule as that of KEDA and of Kubernetes' autoscaler: the backlog, divided by what one worker is to have before it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """`calm_looks`: so many looks in a row have to want fewer workers before one goes."""

    workers_min: int
    workers_max: int
    jobs_a_worker: int
    calm_looks: int

    def wanted(self, backlog: int) -> int:
        needed = -(-backlog // self.jobs_a_worker)
        return min(max(needed, self.workers_min), self.workers_max)


class Scaler:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._calm = 0

    def next_count(self, backlog: int, running: int) -> int:
        """How many workers there should be from now on."""
        wanted = self._rules.wanted(backlog)
        if wanted >= running:
            self._calm = 0
            return wanted
        self._calm += 1
        if self._calm < self._rules.calm_looks:
            return running
        self._calm = 0
        return running - 1
