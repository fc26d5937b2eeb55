"""burnish: bring a base model and a task, get back a measured, post-trained model.

    import burnish
    outcome = burnish.train("data.jsonl", "path/to/model")

The names of `burnish.runs.api` are here as well, under the same names as the commands. They are imported when first
asked for, so that importing this package imports nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from burnish.runs.api import (
        data_check,
        evaluate,
        export,
        generate,
        list_runs,
        load,
        plan,
        remove,
        resume,
        show,
        task_check,
        train,
    )

__all__ = [
    "data_check",
    "evaluate",
    "export",
    "generate",
    "list_runs",
    "load",
    "plan",
    "remove",
    "resume",
    "show",
    "task_check",
    "train",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """PEP 562."""
    if name not in __all__:
        raise AttributeError(f"module 'burnish' has no attribute {name!r}")
    from burnish.runs import api

    return getattr(api, name)
