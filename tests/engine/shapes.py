"""Every shape that a public signature of the engine states, checked at every call that a test makes.

The annotations (jaxtyping) are for readers and this check: the package itself does not import that library.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from jaxtyping import AbstractArray, Float, Int, jaxtyped
from torch import Tensor

import burnish.engine
from burnish.engine import losses

NAMES = {"Float": Float, "Int": Int, "Tensor": Tensor}


def modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(burnish.engine.__path__, "burnish.engine.")
    return [importlib.import_module(info.name) for info in found]


def stated(function: FunctionType) -> dict[str, Any]:
    """The annotations of a function that state shapes, by parameter; "return" for what it gives back."""
    if not any("[Tensor" in str(a) or "[np.ndarray" in str(a) for a in function.__annotations__.values()):
        return {}
    hints = get_type_hints(function, {**inspect.getmodule(function).__dict__, **NAMES})
    return {name: hint for name, hint in hints.items() if list(arrays(hint))}


def arrays(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        yield hint
    for part in get_args(hint):
        yield from arrays(part)


def holds(value: Any, hint: Any) -> bool:
    """Whether a value has the shape; sizes that a letter has taken in this call stay."""
    if get_origin(hint) is tuple:
        return len(value) == len(get_args(hint)) and all(holds(v, h) for v, h in zip(value, get_args(hint), strict=True))
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return isinstance(value, hint)
    return True  # no array, or a sequence of them whose lengths differ


def checked(function: FunctionType, calls: dict[str, int]) -> Callable[..., Any]:
    """The function, with every call held to what its signature states."""
    hints, signature, name = stated(function), inspect.signature(function), f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        calls[name] = calls.get(name, 0) + 1
        given = dict(signature.bind(*args, **kwargs).arguments)

        def hold(keys: Iterable[str]) -> None:
            for key in keys:
                seen = {k: tuple(v.shape) for k, v in given.items() if isinstance(v, Tensor | np.ndarray)}
                assert holds(given[key], hints[key]), f"{name}: {key} is not {hints[key]} beside {seen}"

        with jaxtyped("context"):
            hold(k for k in hints if k in given)
            result = given["return"] = function(*args, **kwargs)
            hold(k for k in hints if k == "return")
        return result

    return call


def check_all(patch: pytest.MonkeyPatch) -> dict[str, int]:
    """Put checked functions in the place of all that state shapes. Returns how often each is called, by name, and 0 before."""
    calls: dict[str, int] = {}
    every = modules()
    for module in every:
        owners = [module, *(c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == module.__name__)]
        for owner in owners:
            for name, function in list(vars(owner).items()):
                if not isinstance(function, FunctionType) or function.__module__ != module.__name__ or not stated(function):
                    continue
                replaced = checked(function, calls)
                calls[f"{function.__module__}.{function.__qualname__}"] = 0
                patch.setattr(owner, name, replaced)
                for other in every:
                    for alias in [n for n, v in vars(other).items() if v is function]:
                        patch.setattr(other, alias, replaced)
    for table in (losses.TOKEN_LOSSES, losses.SET_LOSSES):
        for name, loss in table.items():
            patch.setitem(table, name, dataclasses.replace(loss, value=checked(loss.value, calls)))  # type: ignore[arg-type]
    return calls
