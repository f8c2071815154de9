"""Where a neuron decides to spike: the register that a branch compares, with what, and how often a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..datapath.fire import Branch
from ..network.parts import Population
from ..ops.base import Relation, crossing
from ..profile.schema import NeuronClass
from ..word import Word


@dataclass(frozen=True)
class Decision:
    """`register relation operand`, as a branch of a `fire` stage takes it; `word` is the register's."""

    branch: Branch
    register: str
    relation: Relation
    operand: str | int
    word: Word

    @property
    def above(self) -> bool:
        """Whether the register's first value beyond the crossing is one more than the operand."""
        return self.relation in (Relation.GT, Relation.LE)

    def thresholds(self, population: Population) -> list[int]:
        """The different values of the operand among the neurons; none where it is no literal and no parameter."""
        given = population.parameters.get(self.operand) if isinstance(self.operand, str) else self.operand
        return [] if given is None else [int(value) for value in np.unique(np.asarray(given))]


def decisions(neuron: NeuronClass) -> Iterator[Decision]:
    """Those of every branch in which a register crosses something."""
    for branch in neuron.fire.branches:
        decides = crossing(branch.crossing, neuron.registers)
        if decides is not None:
            register, relation, operand = decides
            yield Decision(branch, str(register), relation, operand, neuron.registers[str(register)])
