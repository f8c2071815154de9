"""For each register of a network whether any input can make it overflow, and the width that would be enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..datapath import SUM
from ..engine.reach import Reach, reach
from ..network.network import Network
from ..profile.schema import holding
from ..word import Word


@dataclass(frozen=True)
class RegisterBound:
    """What can be written to one register of a layer, whatever the input, from registers that are 0.

    low, high: of all values before they are fitted, over all neurons. neurons: how many of the layer's `of` may
    overflow. enough: the narrowest word that would hold all that is written if every word of the network were wide
    enough; None where no bound was found. margin: the part of the word's range that nothing reaches; below 0, what it
    lacks.
    """

    layer: str
    register: str
    word: str
    low: int
    high: int
    neurons: int
    of: int
    enough: str | None
    margin: float

    def json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def row(self) -> tuple[str, ...]:
        """A table's row."""
        may = f"{self.neurons:,} of {self.of:,} neurons" if self.neurons else "no"
        enough = self.enough or "none found"
        return self.layer, self.register, self.word, f"{self.low:,} to {self.high:,}", may, enough, f"{self.margin:.0%}"


COLUMNS = ("layer", "register", "word", "written", "may overflow", "enough", "margin")


def register_bounds(network: Network, most_input: int | None = None) -> list[RegisterBound]:
    """Of every register that is written to; most_input as for `reach`. Raises InputError for clock: event."""
    found = reach(network, most_input)
    wide = reach(network, most_input, wide=True) if any(map(_any_overflow, found.values())) else found
    bounds = []
    for population in network.populations:
        words = dict(network.neuron_class(population).registers)
        for projection in network.projections:
            connection = network.connection(projection)
            if projection.target == population.name and connection.sum is not None:
                words[SUM] = connection.sum.word
        for register, word in words.items():
            if register in found[population.name].written:
                bounds.append(_bound(population.name, register, word, found[population.name], wide[population.name]))
    return bounds


def _any_overflow(one: Reach) -> bool:
    return any(flags.any() for flags in one.overflows.values())


def _bound(layer: str, register: str, word: Word, one: Reach, wide: Reach) -> RegisterBound:
    span, free = one.written[register], wide.written[register]
    low, high = int(np.min(span.lo)), int(np.max(span.hi))
    least, most = int(np.min(free.lo)), int(np.max(free.hi))
    flags = one.overflows[register]
    endless = wide.end is not None and max(-least, most) >= wide.end
    used = max(high / word.max if word.max else float(high > 0), low / word.min if word.min else float(low < 0))
    enough = None if endless else str(_narrowest(word.signed, least, most))
    return RegisterBound(layer, register, str(word), low, high, int(flags.sum()), flags.size, enough, 1 - used)


def _narrowest(signed: bool, low: int, high: int) -> Word:
    """The narrowest word that holds both, signed where the register is."""
    word = holding(low, high)
    return word if word.signed or not signed else Word(word.bits + 1, True)
