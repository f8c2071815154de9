"""Where a neuron decides to spike: the register that a branch compares, with what, and how often a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..datapath.fire import Branch
from ..ops.base import Relation, crossing, names_in
from ..word import Word
from .schema import NeuronClass


@dataclass(frozen=True)
class Decision:
    """`register relation operand`, as a branch of a `fire` stage takes it; `word` is the register's.

    moving: whether the operand is a register too.
    """

    branch: Branch
    register: str
    relation: Relation
    operand: str | int
    word: Word
    moving: bool

    @property
    def above(self) -> bool:
        """Whether the register's first value beyond the crossing is one more than the operand."""
        return self.relation in (Relation.GT, Relation.LE)

    def thresholds(self, parameters: Mapping[str, Any]) -> list[int]:
        """The different values of the operand among neurons; none where it is no literal and no parameter."""
        given = parameters.get(self.operand) if isinstance(self.operand, str) else self.operand
        return [] if given is None else [int(value) for value in np.unique(np.asarray(given))]


def decisions(neuron: NeuronClass) -> Iterator[Decision]:
    """Those of every branch in which a register crosses something."""
    for branch in neuron.fire.branches:
        decides = crossing(branch.crossing, neuron.registers)
        if decides is not None:
            register, relation, operand = decides
            moving = not neuron.registers.keys().isdisjoint(names_in(operand))
            yield Decision(branch, str(register), relation, operand, neuron.registers[str(register)], moving)
