"""Where two traces part: the first step or event, layer, neuron and register, with both values and their bits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, MismatchError
from .trace import WIRE, Integers, LayerTrace, Trace
from .word import Word

_BLOCK = 1 << 24  # values that are compared at a time: a trace may be larger than memory
NOTHING = -1  # in place of a neuron, where a trace has no further spike


@dataclass(frozen=True)
class Difference:
    """The first value in which two traces differ. `bits` are both values' bit patterns.

    step: a time step, or with `clock` 'event' the place of an event in its stream. Where only the order of an event's
    spikes differs, register is `wire[k]`, its spike k from 0 on, and the values are the neurons that sent it.
    """

    step: int
    layer: str
    neuron: int
    register: str
    sample: int
    values: tuple[int, int]
    bits: tuple[str, str]
    clock: str = "step"

    def __str__(self) -> str:
        (a, b), (bits_a, bits_b) = self.values, self.bits
        return (
            f"{self.clock} {self.step}, layer {self.layer}, neuron {self.neuron}, register {self.register} "
            f"(sample {self.sample}): {a} ({bits_a}) against {b} ({bits_b})"
        )


@dataclass(frozen=True)
class Comparison:
    """Two traces compared. `values` were compared; `left_out` were recorded in one trace only.

    differing: the samples that differ somewhere. overflows: the overflow counts that differ, and the counts of
    dropped spikes, as text.
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
        """Whether every compared value, of which there is one at least, and every count agrees."""
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
    """Compare every value that both traces recorded, the overflow counts, and of event-clocked runs the order of the
    output spikes and how many were dropped.

    The first difference is that of the earliest step; within it of the first layer, then sample, neuron
    and register. Raises InputError where the traces cannot be compared.
    """
    if list(a.layers) != list(b.layers):
        raise InputError(f"the traces have different layers: {', '.join(a.layers)} and {', '.join(b.layers)}")
    if not a.layers:
        raise InputError("the traces have no layers to compare")
    tally = _Tally("step" if a.wire is None and b.wire is None else "event", np.zeros(a.spikes.shape[0], bool))
    left_out, counts = [], []
    for place, name in enumerate(a.layers):
        left_out += [f"{name}.{register}" for register in a[name].registers.keys() ^ b[name].registers.keys()]
        tally.compare_layer(place, name, a[name], b[name])
        counts += _overflows(name, a[name], b[name])
    if a.wire is not None and b.wire is not None:
        tally.compare_wire(next(iter(a.layers)), a.wire, b.wire)
        counts += _dropped(a, b)
    elif a.wire is not None or b.wire is not None:
        left_out.append(WIRE)
    return Comparison(
        min(tally.firsts, key=lambda item: item[0])[1] if tally.firsts else None,
        tally.values,
        tally.different,
        len(tally.unequal),
        tuple(map(int, np.flatnonzero(tally.unequal))),
        tuple(sorted(left_out)),
        tuple(counts),
    )


@dataclass
class _Tally:
    """What was found so far. firsts: of each array the first difference, with its place in the order of reporting."""

    clock: str
    unequal: NDArray[np.bool_]
    values: int = 0
    different: int = 0
    firsts: list[tuple[tuple[float, ...], Difference]] = field(default_factory=list)

    def compare_layer(self, place: int, name: str, a: LayerTrace, b: LayerTrace) -> None:
        """Every register that both recorded, and the spikes."""
        for rank, (register, (x, y)) in enumerate(_pairs(a, b).items()):
            if x.shape != y.shape:
                raise InputError(f"layer {name}, {register}: shapes {x.shape} and {y.shape} cannot be compared")
            self.values += x.size
            size = max(1, _BLOCK // max(1, x[0].size)) if len(x) else 1
            found = [self._compare_block(x, y, first, first + size) for first in range(0, len(x), size)]
            firsts = [each for each in found if each is not None]
            if not firsts:
                continue
            step, sample, neuron = min(firsts)
            both = int(x[sample, step, neuron]), int(y[sample, step, neuron])
            bits = (_bits(a, register, both[0]), _bits(b, register, both[1]))
            difference = Difference(step, name, neuron, register, sample, both, bits, self.clock)
            self.firsts.append(((step, place, sample, neuron, rank), difference))

    def _compare_block(self, x: Integers, y: Integers, first: int, last: int) -> tuple[int, int, int] | None:
        """Some samples of a register; step, sample and neuron of the first difference among them."""
        wrong = x[first:last] != y[first:last]
        if not wrong.any():
            return None
        self.different += int(np.count_nonzero(wrong))
        self.unequal[first:last] |= wrong.any(axis=(1, 2))
        step = int(np.argmax(wrong.any(axis=(0, 2))))
        sample, neuron = map(int, np.argwhere(wrong[:, step])[0])
        return step, first + sample, neuron

    def compare_wire(self, name: str, a: Integers, b: Integers) -> None:
        """The order of the output spikes, sample by sample; reported behind the values of the same event."""
        for sample in range(len(self.unequal)):
            x, y = (wire[wire[:, 0] == sample, 1:] for wire in (a, b))
            both = min(len(x), len(y))
            wrong = np.append((x[:both] != y[:both]).any(axis=1), np.full(abs(len(x) - len(y)), True))
            if not wrong.any():
                continue
            if not self.unequal[sample]:
                self.different += int(np.count_nonzero(wrong))
            self.unequal[sample] = True
            row = int(np.argmax(wrong))
            event = min(int(rows[row, 0]) for rows in (x, y) if row < len(rows))
            sent = [int(rows[row, 1]) if row < len(rows) and rows[row, 0] == event else NOTHING for rows in (x, y)]
            place = row - int(np.count_nonzero(x[:row, 0] < event))
            bits = tuple("none" if neuron == NOTHING else Word(8, False).pattern(neuron) for neuron in sent)
            found = Difference(
                event, name, max(sent), f"{WIRE}[{place}]", sample, (sent[0], sent[1]), (bits[0], bits[1]), self.clock
            )
            self.firsts.append(((event, 0, sample, np.inf), found))


def _pairs(a: LayerTrace, b: LayerTrace) -> dict[str, tuple[Integers, Integers]]:
    """Registers that both recorded, in order of state, then the spikes they led to."""
    shared = {name: (values, b.registers[name]) for name, values in a.registers.items() if name in b.registers}
    return {**shared, "spikes": (a.spikes, b.spikes)}


def _bits(layer: LayerTrace, register: str, value: int) -> str:
    byte = Word(8, value < 0)
    own = Word.parse(layer.words[register]) if register in layer.words else byte
    return (own if register in layer.words or value in byte else Word(32, value < 0)).pattern(value)


def _overflows(name: str, a: LayerTrace, b: LayerTrace) -> list[str]:
    return [
        f"{name}.{register} {a.overflows[register]} against {b.overflows[register]}"
        for register in a.overflows
        if register in b.overflows and a.overflows[register] != b.overflows[register]
    ]


def _dropped(a: Trace, b: Trace) -> list[str]:
    """Samples in which not as many spikes found the queue full."""
    pairs = enumerate(zip(_counts(a), _counts(b), strict=True))
    return [f"dropped (sample {sample}) {x} against {y}" for sample, (x, y) in pairs if x != y]


def _counts(trace: Trace) -> list[int]:
    return [] if trace.dropped is None else [int(count) for count in trace.dropped]
