"""Whether the rewards of a task can be had without doing the task: probes of thirteen families, before any training."""

from burnish.tasks.probes.audit import audit
from burnish.tasks.probes.found import TITLES, Audit, Finding

__all__ = ["TITLES", "Audit", "Finding", "audit"]
