"""What stands between a task's own code and the process that runs it in the sandbox: this file's text goes there, after two
assignments, `SIGNATURE` (the text of tools/signature.py) and `TASK` (that of task.py). The standard library alone.

Environments are kept under keys; everything that comes and goes is JSON.
"""

import copy
import importlib.abc
import importlib.util
import sys

SIGNATURE = globals().get("SIGNATURE", "")
TASK = globals().get("TASK", "")
ways: dict = {}


def module_of(name: str, text: str):
    """A module made of a text."""

    class Loader(importlib.abc.InspectLoader):
        def get_source(self, fullname):
            return text

        def get_code(self, fullname):
            return compile(text, f"{name}.py", "exec", dont_inherit=True)  # named so in what a failure says

    loader = Loader()
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    loader.exec_module(found)
    return found


signature = module_of("burnish_signature", SIGNATURE)
task = module_of("task", TASK)


def checked(known: list) -> str:
    """What is wrong with what the task offers; empty where nothing is. known: names of tools that there are beside."""
    tools, environment = getattr(task, "tools", ()), getattr(task, "Environment", None)
    if not isinstance(tools, (list, tuple)) or not all(callable(f) and getattr(f, "__name__", "") for f in tools):
        return f"tools must be a list of functions, not {tools!r:.200}"
    for f in tools:
        try:
            signature.described(f)
        except (TypeError, NameError) as error:
            return f"{f.__name__} cannot be a tool: {error}"
        if f.__name__ in known:
            return f"there are two tools of the name {f.__name__}"
        known.append(f.__name__)
    if environment is not None and not isinstance(environment, type):
        return f"Environment must be a class, not {environment!r:.200}"
    missing = [name for name in ("start", "step") if environment and not callable(getattr(environment, name, None))]
    return f"class Environment has no {missing[0]}: it needs start(self, example) and step(self, message)" if missing else ""


def tools_of(key: str) -> dict:
    """What a way may call, by name: the environment's own tools, else the task's."""
    own = getattr(ways.get(key), "tools", ())
    return {f.__name__: f for f in (*getattr(task, "tools", ()), *own)}


def described(key: str) -> list:
    """Every tool's {"name", "description", "parameters"}."""
    return [signature.described(f) for f in tools_of(key).values()]


def call(key: str, name: str, text: str) -> list:
    """(whether it went well, what the model reads)."""
    return list(signature.call(tools_of(key)[name], text))


def start(key: str, example: dict) -> list:
    """Begin a way; what the policy reads first."""
    ways[key] = task.Environment()
    return messages_of(ways[key].start(example))


def step(key: str, message: dict) -> dict:
    """What an environment says: a dict with messages, reward, done and reason, a text to read, or None for the end."""
    said = ways[key].step(message)
    if said is None:
        said = {"done": True}
    elif not isinstance(said, dict):
        said = {"messages": said}
    known = ("messages", "reward", "done", "reason")
    if unknown := [name for name in said if name not in known]:
        raise TypeError(f"a turn has {', '.join(known)}, and no {unknown[0]!r}")
    return {
        "messages": messages_of(said.get("messages") or []),
        "reward": float(said.get("reward") or 0.0),
        "done": bool(said.get("done")),
        "reason": str(said.get("reason") or ""),
    }


def messages_of(said) -> list:
    """A text of the user's, one message, or several."""
    if isinstance(said, str):
        return [{"role": "user", "content": said}]
    return [said] if isinstance(said, dict) else [{"role": "user", "content": m} if isinstance(m, str) else m for m in said]


def fork(key: str, new: str) -> None:
    """A copy of a way under a new key: by its own `fork`, where it has one."""
    own = getattr(ways[key], "fork", None)
    ways[new] = own() if own else copy.deepcopy(ways[key])


def state_key(key: str):
    """The key of a way's state; None where the environment has none."""
    own = getattr(ways[key], "state_key", None)
    return None if own is None else str(own())


def close(key: str) -> None:
    """Forget a way."""
    ways.pop(key, None)
