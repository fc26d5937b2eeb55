"""The environment of a task that was made of a Gymnasium environment. This file runs in the sandbox, with gymnasium and what it
needs; the lines above it, where there are some, are the environment's own code.

What is seen is told in words, what is done is taken from words: a text as it stands, one of several actions by its name or its
number. A way is worth what the environment pays beyond `floor`, the least that chance earned when the task was made; a message
that is no action ends the way, which then is worth 0: not to act must not pay.
"""

import importlib
import re
from typing import Any

import gymnasium

SETTINGS = globals().get("SETTINGS", {})
spaces = gymnasium.spaces


def made() -> Any:
    """A new environment."""
    if SETTINGS["module"]:
        importlib.import_module(SETTINGS["module"])
    if SETTINGS["env"] in globals():
        return globals()[SETTINGS["env"]](**SETTINGS["arguments"])
    named = gymnasium.spec(SETTINGS["env"]).entry_point
    creator: Any = named if callable(named) else _found(named)
    shown = {"render_mode": "ansi"} if "ansi" in creator.metadata.get("render_modes", ()) else {}
    return gymnasium.make(SETTINGS["env"], disable_env_checker=True, **{**shown, **SETTINGS["arguments"]})


def _found(path):
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def told(space, seen) -> str:
    """An observation in words."""
    if isinstance(space, spaces.Text):
        return str(seen)
    if isinstance(space, spaces.Discrete):
        return f"{int(seen)} (of {int(space.start)} to {int(space.start + space.n - 1)})"
    if isinstance(space, (spaces.MultiDiscrete, spaces.MultiBinary)):
        return " ".join(str(int(each)) for each in seen.reshape(-1))
    if isinstance(space, spaces.Dict):
        return "\n".join(f"{name}: {told(inner, seen[name])}" for name, inner in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return ", ".join(told(inner, each) for inner, each in zip(space.spaces, seen, strict=True))
    raise TypeError(f"an observation of the kind {type(space).__name__} cannot be told in words")


def names_of(env) -> list:
    """What its actions are called; empty where an action is a text."""
    space: Any = env.action_space
    if isinstance(space, spaces.Text):
        return []
    if not isinstance(space, spaces.Discrete):
        raise TypeError(f"an action of the kind {type(space).__name__} cannot be said in words")
    named = SETTINGS["actions"] or getattr(env.unwrapped, "ACTION_NAMES", None)
    if not named and callable(getattr(env.unwrapped, "get_action_meanings", None)):
        named = env.unwrapped.get_action_meanings()
    named = [str(each).strip() for each in named or [int(space.start + n) for n in range(space.n)]]
    if len(named) != space.n or len({each.lower() for each in named}) < space.n:
        raise ValueError(f"there are {space.n} actions, which need as many different names, not {', '.join(named)}")
    return named


def burnish_about() -> dict:
    """What the import has to know, found by trying."""
    env = made()
    names = names_of(env)
    seen, _ = env.reset(seed=0)
    told(env.observation_space, seen)
    steps = None if env.spec is None else env.spec.max_episode_steps
    document = (type(env.unwrapped).__doc__ or "").strip().splitlines()
    return {
        "names": names,
        "steps": steps,
        "about": document[0] if document else "",
        "kind": type(env.observation_space).__name__,
    }


def burnish_actions(seed: int, count: int) -> list:
    """Chance's actions, as texts."""
    env = made()
    names, space = names_of(env), env.action_space
    space.seed(seed)
    drawn = [space.sample() for _ in range(count)]
    return [names[int(each) - int(space.start)] if names else str(each) for each in drawn]


class Environment:
    def start(self, example):
        self.env, self.total, self.floor = made(), 0.0, SETTINGS["floor"]
        self.names = names_of(self.env)
        seen, _ = self.env.reset(seed=int(example["metadata"]["seed"]))
        if self.names:
            how = f"Answer each time with one action and nothing else: {', '.join(self.names)}."
        else:
            how = "Answer each time with your action and nothing else."
        return "\n\n".join(filter(None, (SETTINGS["asks"], how, self._shown(seen))))

    def _shown(self, seen) -> str:
        words = told(self.env.observation_space, seen)
        picture = self.env.render() if self.env.render_mode == "ansi" else None
        if not isinstance(picture, str):
            return words
        plain = re.sub(r"\x1b\[[0-9;]+m", "[", picture.replace("\x1b[0m", "]"))  # what was coloured stands in brackets
        return f"{plain.strip()}\n\n{words}"

    def step(self, message):
        said = message["content"].strip()
        action = self._action(said)
        if action is None:
            return {"reward": -self.total, "done": True, "reason": f"no action: {said[:80]!r}"}
        seen, reward, ended, cut, _ = self.env.step(action)
        reward, self.floor = float(reward) - self.floor, 0.0
        self.total += reward
        return {"messages": self._shown(seen), "reward": reward, "done": bool(ended or cut)}

    def _action(self, said):
        space = self.env.action_space
        if not self.names:
            return said if space.contains(said) else None
        plain = said.lower().removeprefix("action:").strip().rstrip(".")
        at = next((n for n, name in enumerate(self.names) if name.lower() == plain), None)
        if at is None and plain.isdecimal():
            at = int(plain) - int(space.start)
        return None if at is None or not 0 <= at < space.n else space.start + at
