"""What a profile's neurons can be as leaky integrate-and-fire: their resets, leaks, thresholds and grids of weights.

All of it is read from the profile: the shared quantities and `lif` of a class, the branches of its `fire`, the words
and the format of its connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datapath import NONZERO
from ...datapath.grammar import conditions
from ...datapath.stages import Add, Set
from ...network.parts import Projection
from ...network.weights import connection_values, format_weights
from ...ops.array import ArrayOps
from ...ops.base import Relation
from ...ops.operators import RefusedWriteError
from ...profile.connection import Connection
from ...profile.schema import NeuronClass, Profile
from ...profile.shared import Leak, Lif, Quantity, SharedClass, SharedWeight
from ...word import Word

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MANY = 1 << 20
_MOST_STORED = 1 << 15  # weights of wider words are used as far as this


@dataclass(frozen=True)
class Firing:
    """A way in which a class fires. reset: zero, value or subtract. choose: parameters and values that select it.

    value: the parameter that holds the reset value. most: spikes in a step. reached: a membrane that equals fires.
    """

    reset: str
    choose: Mapping[str, int]
    value: str | None
    most: int
    reached: bool


@dataclass(frozen=True)
class Target:
    """A class of neurons that graphs can be fitted to."""

    name: str
    neuron: NeuronClass
    shared: SharedClass
    lif: Lif
    firings: tuple[Firing, ...]

    def quantity(self, name: str) -> Quantity | None:
        """A shared quantity, if there is one."""
        return self.shared.quantities.get(name)


def targets(profile: Profile) -> dict[str, Target]:
    """The classes of a profile that read as leaky integrate-and-fire."""
    found = {}
    for name, shared in profile.shared.neurons.items() if profile.shared else ():
        if shared.lif is not None and profile.clock == "step":
            neuron = profile.neurons[name]
            firings = tuple(_firings(neuron, shared.lif.membrane, profile))
            found[name] = Target(name, neuron, shared, shared.lif, firings)
    return found


def _firings(neuron: NeuronClass, membrane: str, profile: Profile) -> Iterator[Firing]:
    """Each branch that emits when the membrane passes a threshold, with what selects it."""
    before: dict[str, list[int]] = {}
    chosen = {*neuron.parameters, *profile.values}
    for branch in neuron.fire.branches:
        passes, threshold, choose = None, "", {}
        for _, (left, relation, right) in conditions(branch.when):
            if left == membrane and relation in (Relation.GE, Relation.GT) and isinstance(right, str):
                passes, threshold = relation, right
            elif left in chosen and relation is Relation.EQ and isinstance(right, int):
                choose[str(left)] = right
        if passes is None or branch.emit in (0, -1):
            continue
        avoided = {name: _other(name, values, neuron, profile) for name, values in before.items() if name not in choose}
        reset = _reset(branch.do, membrane, threshold)
        if reset is not None:
            most = branch.repeat if branch.emit == 1 else MANY
            yield Firing(reset[0], choose | avoided, reset[1], most, passes is Relation.GE)
        for name, value in choose.items():
            before.setdefault(name, []).append(value)


def _other(name: str, taken: list[int], neuron: NeuronClass, profile: Profile) -> int:
    """A value of a parameter, or of the profile, that selects none of the branches before."""
    word = neuron.parameters.get(name)
    low, high = (word.min, word.max) if word else (profile.values[name].min, profile.values[name].max)
    return next((value for value in range(low, high + 1) if value not in taken), low)


def _reset(do: tuple[Any, ...], membrane: str, threshold: str) -> tuple[str, str | None] | None:
    for item in do:
        stage = item.stage
        if stage.into == membrane and isinstance(stage, Set):
            if stage.value == 0:
                return "zero", None
            return ("value", stage.value) if isinstance(stage.value, str) and not stage.value.startswith("-") else None
        if stage.into == membrane and isinstance(stage, Add) and len(stage.terms) == 1:
            taken = str(stage.terms[0])
            by_threshold = taken.startswith("-") and threshold in taken[1:].split("*")
            return ("subtract", None) if by_threshold else None
    return None


def leak_choices(target: Target, leak: Leak, profile: Profile) -> tuple[str, Integers, Floats]:
    """What can be chosen for a leak: the quantity (or value) that makes it, its values, and what each keeps."""
    if leak.shift is not None:
        quantity = target.quantity(leak.shift)
        if quantity is None:
            value = profile.values[leak.shift]
            low, high = value.min, value.max
        else:
            low, high = quantity_range(quantity, target.neuron.parameters)
        shifts = np.arange(max(low, 0), min(high, 62) + 1, dtype=np.int64)
        return leak.shift, shifts, 1 - np.ldexp(1.0, -shifts)
    if leak.loss is None or leak.parts is None:
        return "", np.zeros(1, np.int64), np.ones(1)
    quantity = target.shared.quantities[leak.loss]
    low, high = quantity_range(quantity, target.neuron.parameters)
    losses = np.arange(max(low, 0), min(high, leak.parts) + 1, dtype=np.int64)
    return leak.loss, losses, 1 - losses / leak.parts


def quantity_range(quantity: Quantity, words: Mapping[str, Word]) -> tuple[int, int]:
    """The least and the greatest value that a quantity can have."""
    word = words[quantity.of]
    most = max(0, words[quantity.exponent].max) if quantity.exponent else 0
    low, high = ((end + quantity.add) << (quantity.shift + most) for end in (word.min, word.max))
    return low, high


def nearest(quantity: Quantity, words: Mapping[str, Word], wanted: Floats) -> tuple[dict[str, Integers], Integers]:
    """Parameters for quantities as near as the words allow, and the quantities that they make, int64 [neuron]."""
    word = words[quantity.of]
    base, exponent = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    made = np.full(len(wanted), np.iinfo(np.int64).max, np.int64)
    exponents = (
        range(max(0, words[quantity.exponent].min), words[quantity.exponent].max + 1) if quantity.exponent else [0]
    )
    for bits in exponents:
        step = float(1 << (quantity.shift + bits))
        tried = np.clip(np.rint(wanted / step) - quantity.add, word.min, word.max).astype(np.int64)
        value = (tried + quantity.add) << (quantity.shift + bits)
        better = np.abs(value - wanted) < np.abs(made - wanted)
        base, exponent = np.where(better, tried, base), np.where(better, bits, exponent)
        made = np.where(better, value, made)
    parameters = {quantity.of: base}
    if quantity.exponent:
        parameters[quantity.exponent] = exponent
    return parameters, made


@dataclass(frozen=True, eq=False)
class Grid:
    """What stored weights add, in units of the membrane: `added` ascending, `stored` beside it, at one exponent."""

    exponent: int
    stored: Integers
    added: Floats
    parameters: Mapping[str, int]

    def round(self, wanted: Floats) -> tuple[Integers, Floats]:
        """The nearest stored weights and what they add."""
        place = np.clip(np.searchsorted(self.added, wanted), 1, max(1, len(self.added) - 1))
        low, high = self.added[place - 1], self.added[np.minimum(place, len(self.added) - 1)]
        place = np.where(wanted - low <= high - wanted, place - 1, np.minimum(place, len(self.added) - 1))
        return self.stored[place], self.added[place]

    def most(self, positive: bool) -> float:
        """The most that a weight of that sign adds, in magnitude."""
        return float(self.added[-1] if positive else -self.added[0])


def grids(profile: Profile, via: str, signs: tuple[bool, bool]) -> list[Grid]:
    """The grids of a connection, the finest first. signs: whether weights below and above 0 are needed."""
    assert profile.shared is not None
    connection = profile.connections[via]
    shared = profile.shared.connections.get(via)
    weight = shared.weight if shared is not None else SharedWeight()
    low, high = connection.weight.range
    stored = np.arange(max(low, -_MOST_STORED), min(high, _MOST_STORED) + 1)
    if not signs[0]:
        stored = stored[stored >= 0]
    if not signs[1]:
        stored = stored[stored <= 0]
    name = weight.exponent or weight.format_exponent
    word = connection.parameters[name] if name else None
    found = []
    for exponent in range(max(0, word.min), word.max + 1) if word else [0]:
        parameters = dict(shared.keeps) if shared is not None else {}
        parameters |= {name: exponent} if name else {}
        added = _formatted(profile, via, connection, stored, parameters)
        if added is None or np.any(np.diff(added) < 0):
            break
        plainest = np.lexsort((np.abs(stored), np.abs(added - stored)))  # of those that add the same, the one as it is
        unique, first = np.unique(added[plainest], return_index=True)
        ordered = stored[plainest][first]
        factor = float(1 << (weight.shift + (exponent if weight.exponent else 0)))
        found.append(Grid(exponent, ordered, unique * factor, parameters))
    return found


def _formatted(
    profile: Profile, via: str, connection: Connection, stored: Integers, parameters: Mapping[str, int]
) -> Floats | None:
    """What each stored weight becomes; None where the format cannot be computed."""
    ends = Projection("", "", np.array([stored[0], stored[-1]]), via, parameters)
    try:
        values: dict[str, Any] = connection_values(profile, ends) | profile.constants
        return np.asarray(format_weights(ArrayOps(), connection, stored, values), np.float64)
    except (RefusedWriteError, KeyError):
        return None


def cap_of(connection: Connection) -> int:
    """The most spikes of a source in a step that arrive."""
    if connection.cap == NONZERO:
        return 1
    return connection.cap if isinstance(connection.cap, int) else MANY
