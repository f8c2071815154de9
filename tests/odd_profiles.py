"""Profiles with one place replaced by something odd that YAML can say: values, keys, and whole branches."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HWCONFIGS = Path(__file__).parent.parent / "hwconfigs"
FILES = sorted(HWCONFIGS.glob("*.yaml"))

Place = tuple[str | int, ...]

ODD: list[Any] = [
    None, True, False, -1, 0, 1, 64, 2**63 - 1, -(2**63), 10**30, 1.5, 1e300, "", "x", "input", "neuron", "weight",
    "sum", "spikes", "none", "all", "one", "-x*x", "leak*leak", "s8", "u63", "s16.wrap", "u4(3..2)", "s8(-999..5)",
    "u63.refuse", "s<x>", "s<membrane_width=64>.wrap", "1\n2", "\u00e9", "'", [], {}, [[]], [None], ["x", "x"],
    [0, ">=", 0], [["x", ">=", 0]], {"x": []}, {"x": {"x": {"x": None}}}, {"last": "x"}, {"as": "x"},
    {"word": "s8.wrap", "then": []}, {"set": {"into": "x", "value": 10**18}}, [{"fire": {"branches": []}}],
    [[[[[[[["deep"]]]]]]]],
]  # fmt: skip
KEYS: list[Any] = ["x", "", "X", "on", "a b", "0", 7, None, True, "neuron", "input", "weight", "spikes", "\u00e9"]


def profile(file: Path) -> Any:
    """The plain data of a shipped profile."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def places(data: Any, path: Place = ()) -> Iterator[Place]:
    """Every place of a document, the root first."""
    yield path
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in steps:
        yield from places(value, (*path, step))


def at(data: Any, path: Place) -> Any:
    """The value at a place."""
    for step in path:
        data = data[step]
    return data


def replaced(data: Any, path: Place, value: Any) -> Any:
    """A copy with another value at a place."""
    if not path:
        return copy.deepcopy(value)
    result = copy.deepcopy(data)
    at(result, path[:-1])[path[-1]] = copy.deepcopy(value)
    return result


def without(data: Any, path: Place) -> Any:
    """A copy that lacks a place."""
    result = copy.deepcopy(data)
    del at(result, path[:-1])[path[-1]]
    return result


def renamed(data: Any, path: Place, key: Any) -> Any:
    """A copy with another key at a place, in the same order."""
    before = at(data, path[:-1])
    return replaced(data, path[:-1], {(key if name == path[-1] else name): value for name, value in before.items()})


def mutant(data: Any, rng: random.Random) -> Any:
    """One place changed: replaced by an odd value or by another branch, dropped, or its key renamed."""
    every = list(places(data))
    path = rng.choice(every)
    way = rng.choice(["odd", "odd", "odd", "branch", "without", "key"])
    if way == "branch":
        return replaced(data, path, at(data, rng.choice(every)))
    if way == "without" and path:
        return without(data, path)
    if way == "key" and path and isinstance(at(data, path[:-1]), dict):
        others = [place[-1] for place in every if place and isinstance(place[-1], str)]
        return renamed(data, path, rng.choice([*KEYS, *rng.sample(others, 5)]))
    return replaced(data, path, rng.choice(ODD))


def text(data: Any) -> str:
    """The document as YAML."""
    return yaml.safe_dump(data, sort_keys=False, width=200, allow_unicode=True)
