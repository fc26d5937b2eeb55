"""Life support around the recipes: prepare, plan, run, resume, report."""
