"""Where each stage of a profile stands, and which operands it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..datapath import Condition, Fire, Model, When, conditions
from ..document.nodes import Path
from ..ops.base import names_in
from ..word import Word
from .schema import NeuronClass

Operand = str | int
_NO_OPERANDS = ("into", "word", "when", "kind", "rounding", "least", "result")


def writes(path: Path, neuron: NeuronClass) -> Iterator[tuple[Path, Any]]:
    """Every stage of a step that writes a register, those of a fire's branches among them, with its path."""
    for index, stage in enumerate(neuron.stages):
        place = (*path, "step", index, stage.key)
        if not isinstance(stage, Fire):
            yield place, stage
            continue
        for number, branch in enumerate(stage.branches):
            yield from listed((*place, "branches", number, "do"), branch.do)


def listed(path: Path, items: Iterable[Any]) -> Iterator[tuple[Path, Any]]:
    """The stages of a list, each with its path."""
    for index, item in enumerate(items):
        yield (*path, index, item.stage.key), item.stage


def crossings(path: Path, neuron: NeuronClass) -> Iterator[tuple[Path, Condition]]:
    """What each branch of a fire waits for, condition by condition, with its path."""
    for place, branch in branches(path, neuron):
        yield from each_condition((*place, "when"), branch.when)


def branches(path: Path, neuron: NeuronClass) -> Iterator[tuple[Path, Any]]:
    """The branches of every fire, each with its path."""
    for index, stage in enumerate(neuron.stages):
        if isinstance(stage, Fire):
            for number, branch in enumerate(stage.branches):
                yield (*path, "step", index, stage.key, "branches", number), branch


def each_condition(path: Path, when: When) -> Iterator[tuple[Path, Condition]]:
    """The conditions of a `when`, each with its path."""
    for place, condition in conditions(when):
        yield (*path, *place), condition


def condition_operands(path: Path, condition: Condition) -> Iterator[tuple[Path, str]]:
    """The names on both sides of a comparison."""
    for side in (0, 2):
        for name in names_in(condition[side]):
            yield (*path, side), name


def stage_operands(path: Path, stage: Any) -> Iterator[tuple[Path, str]]:
    """The names that a stage reads, each with the key that gives it; what `into` names is no key of its own."""
    for key in type(stage).model_fields:
        value = getattr(stage, key)
        if key in _NO_OPERANDS:
            continue
        values = (
            [((*path, key, i), v) for i, v in enumerate(value)] if isinstance(value, tuple) else [((*path, key), value)]
        )
        named = {operand for operand in stage.operands() if isinstance(operand, str)}
        for place, operand in values:
            if operand in named:
                yield from ((place, name) for name in names_in(operand))
    if stage.when is not None:
        for place, condition in each_condition((*path, "when"), stage.when):
            yield from condition_operands(place, condition)


def leaves(place: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Whatever a profile, or a part of it, says, with its path: names, numbers, words."""
    if isinstance(place, Model):
        for name, field in type(place).model_fields.items():
            yield from leaves(getattr(place, name), (*path, field.alias or name))
    elif isinstance(place, dict | tuple):
        for step, member in place.items() if isinstance(place, dict) else enumerate(place):
            yield from leaves(member, (*path, step))
    else:
        yield path, place


def words(place: Any) -> Iterator[tuple[Path, Word]]:
    """Every word of a profile, with its path."""
    yield from ((path, word) for path, word in leaves(place) if isinstance(word, Word))
