"""Ready tasks made of the embedded world, one file each: `make()` returns the Task. See docs/world.md."""
