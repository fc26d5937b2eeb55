"""What watches a run that learns from graded answers: whether what is paid is still what is wanted.

`seen` is one answer as monitors see it, `measures` their statistics, `hard` those that can stop a run (M1, M5, M6), `soft` those
that describe what changed (M2, M3, M4, M7), `replays` grades answers where they cannot be right, `signs` looks at a step's
numbers, `watch` holds all of it together for one run.
"""
