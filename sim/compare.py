"""Where two traces part: the first step, layer, neuron and register, with both values and their bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import InputError, MismatchError
from .trace import Integers, LayerTrace, Trace
from .word import Word


@dataclass(frozen=True)
class Difference:
    """The first value in which two traces differ. `bits` are both values' bit patterns."""

    step: int
    layer: str
    neuron: int
    register: str
    sample: int
    values: tuple[int, int]
    bits: tuple[str, str]

    def __str__(self) -> str:
        (a, b), (bits_a, bits_b) = self.values, self.bits
        return (
            f"step {self.step}, layer {self.layer}, neuron {self.neuron}, register {self.register} "
            f"(sample {self.sample}): {a} ({bits_a}) against {b} ({bits_b})"
        )


@dataclass(frozen=True)
class Comparison:
    """Two traces compared. `values` were compared; `left_out` were recorded in one trace only.

    differing: the samples that differ somewhere. overflows: the overflow counts that differ, as text.
    """

    first: Difference | None
    values: int
    different: int
    samples: int
    differing: tuple[int, ...]
    left_out: tuple[str, ...]
    overflows: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every compared value, of which there is one at least, and every overflow count agrees."""
        return self.values > 0 and self.first is None and not self.overflows

    def check(self) -> None:
        """Raise MismatchError, naming the first difference, unless equal."""
        if not self.equal:
            raise MismatchError(str(self))

    def __str__(self) -> str:
        if not self.values:
            return "nothing was compared: the traces are empty"
        counted = f"{self.values:,} values of {self.samples:,} samples compared"
        if self.left_out:
            counted += f"; recorded in one only: {', '.join(self.left_out)}"
        if self.first is not None:
            return f"first difference at {self.first}; {self.different:,} values differ; {counted}"
        if self.overflows:
            return f"values equal, overflow counts differ: {'; '.join(self.overflows)}; {counted}"
        return f"equal: {counted}"


def compare(a: Trace, b: Trace) -> Comparison:
    """Compare every value that both traces recorded, and the overflow counts.

    The first difference is that of the earliest step; within it of the first layer, then sample, neuron
    and register. Raises InputError where the traces cannot be compared.
    """
    if list(a.layers) != list(b.layers):
        raise InputError(f"the traces have different layers: {', '.join(a.layers)} and {', '.join(b.layers)}")
    if not a.layers:
        raise InputError("the traces have no layers to compare")
    values, left_out, overflows = 0, [], []
    firsts: list[tuple[tuple[int, int, int, int, int], Difference]] = []
    unequal = np.zeros(a.spikes.shape[0], bool)
    different = 0
    for place, name in enumerate(a.layers):
        pairs = _pairs(a[name], b[name])
        left_out += [f"{name}.{register}" for register in a[name].registers.keys() ^ b[name].registers.keys()]
        for rank, (register, (x, y)) in enumerate(pairs.items()):
            if x.shape != y.shape:
                raise InputError(f"layer {name}, {register}: shapes {x.shape} and {y.shape} cannot be compared")
            values += x.size
            wrong = x != y
            if not wrong.any():
                continue
            different += int(np.count_nonzero(wrong))
            unequal |= wrong.any(axis=(1, 2))
            step = int(np.argmax(wrong.any(axis=(0, 2))))
            sample, neuron = map(int, np.argwhere(wrong[:, step])[0])
            both = int(x[sample, step, neuron]), int(y[sample, step, neuron])
            bits = (_bits(a[name], register, both[0]), _bits(b[name], register, both[1]))
            found = Difference(step, name, neuron, register, sample, both, bits)
            firsts.append(((step, place, sample, neuron, rank), found))
        overflows += _overflows(name, a[name], b[name])
    first = min(firsts, key=lambda item: item[0])[1] if firsts else None
    samples = len(unequal)
    return Comparison(
        first,
        values,
        different,
        samples,
        tuple(map(int, np.flatnonzero(unequal))),
        tuple(sorted(left_out)),
        tuple(overflows),
    )


def _pairs(a: LayerTrace, b: LayerTrace) -> dict[str, tuple[Integers, Integers]]:
    """Registers that both recorded, in order of state, then the spikes they led to."""
    shared = {name: (values, b.registers[name]) for name, values in a.registers.items() if name in b.registers}
    return {**shared, "spikes": (a.spikes, b.spikes)}


def _bits(layer: LayerTrace, register: str, value: int) -> str:
    word = Word.parse(layer.words[register]) if register in layer.words else Word(8, value < 0)
    return word.pattern(value)


def _overflows(name: str, a: LayerTrace, b: LayerTrace) -> list[str]:
    return [
        f"{name}.{register} {a.overflows[register]} against {b.overflows[register]}"
        for register in a.overflows
        if register in b.overflows and a.overflows[register] != b.overflows[register]
    ]
