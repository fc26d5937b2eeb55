"""Measure and audit: what a model does on held-out examples, what changed, and whether the run can be trusted."""
