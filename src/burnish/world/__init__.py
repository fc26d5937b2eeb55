"""The embedded world: seeded generators of text and facts, so that what a model can know is known exactly. See docs/world.md."""
