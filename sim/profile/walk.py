"""Where each stage of a profile stands, and which operands it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..datapath import Condition, Fire
from ..document.nodes import Path
from .schema import NeuronClass

Operand = str | int
_NO_OPERANDS = ("word", "when")


def writes(path: Path, neuron: NeuronClass) -> Iterator[tuple[Path, Any]]:
    """Every stage of a step that writes a register, those of a fire's branches among them, with its path."""
    for index, stage in enumerate(neuron.stages):
        place = (*path, "step", index, stage.key)
        if not isinstance(stage, Fire):
            yield place, stage
            continue
        for number, branch in enumerate(stage.branches):
            for position, item in enumerate(branch.do):
                yield (*place, "branches", number, "do", position, item.stage.key), item.stage


def crossings(path: Path, neuron: NeuronClass) -> Iterator[tuple[Path, Condition]]:
    """What each branch of a fire waits for, with its path."""
    for index, stage in enumerate(neuron.stages):
        if isinstance(stage, Fire):
            for number, branch in enumerate(stage.branches):
                yield (*path, "step", index, stage.key, "branches", number, "when"), branch.when


def condition_operands(path: Path, condition: Condition) -> Iterator[tuple[Path, Operand]]:
    """Both sides of a comparison."""
    yield (*path, 0), condition[0]
    yield (*path, 2), condition[2]


def stage_operands(path: Path, stage: Any) -> Iterator[tuple[Path, Operand]]:
    """What a stage reads, each with the key that names it; what `into` names is no key of its own."""
    places = _places(path, stage)
    for operand in stage.operands():
        if operand in places:
            yield places[operand], operand
    if stage.when is not None:
        yield from condition_operands((*path, "when"), stage.when)


def _places(path: Path, stage: Any) -> Mapping[Operand, Path]:
    """The path of each value of the stage's keys, without signs."""
    places: dict[Operand, Path] = {}
    for key in type(stage).model_fields:
        value = getattr(stage, key)
        if key == "into" or key in _NO_OPERANDS:
            continue
        if isinstance(value, tuple):
            for index, term in enumerate(value):
                places.setdefault(term.removeprefix("-") if isinstance(term, str) else term, (*path, key, index))
        else:
            places.setdefault(value, (*path, key))
    return places
