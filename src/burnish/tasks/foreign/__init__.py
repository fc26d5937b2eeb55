"""Tasks of others, and ours for others: one file a format."""
