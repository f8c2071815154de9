"""A trace as a value change dump (VCD, IEEE 1364-2005, clause 18) for a waveform viewer such as GTKWave.

A scope a layer, within it one a neuron (`n7`). A register is a vector of two's complement with the bits of its word; a
spike is an `event`, which GTKWave draws as an arrow. Where spikes are more than 0 and 1 (several a step, graded,
ternary), the vector `spikes$count` says what was emitted. Time is the step, or with clock: event the number of the
event: at time t stands what happens in step t and how it ends, and the last value lasts for a unit of time, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..archive import replacing
from ..errors import InputError
from ..network.network import Integers
from ..profile.schema import SPIKES, holding
from ..trace import Trace
from ..word import Word
from .selection import Layers, choose, recorded_in

TIMESCALE = "1 ns"
_TIMESCALE = re.compile(r"(1|10|100) ?(s|ms|us|ns|ps|fs)")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_CODES = "".join(map(chr, range(33, 127)))  # what identifier codes are made of
COUNT = "spikes$count"  # no register has a name with a $


@dataclass(frozen=True)
class Signal:
    """One variable: the values of a neuron, [step]; without a word an event, in the steps where they are not 0."""

    layer: str
    neuron: int
    name: str
    word: Word | None
    values: Integers
    code: str

    @property
    def declaration(self) -> str:
        """The variable as the header has it."""
        if self.word is None:
            return f"$var event 1 {self.code} {self.name} $end"
        size = f" [{self.word.bits - 1}:0]" if self.word.bits > 1 else ""
        return f"$var reg {self.word.bits} {self.code} {self.name}{size} $end"

    def change(self, step: int) -> str:
        """The line of a step; empty where nothing changes."""
        value = int(self.values[step])
        if self.word is None:
            return f"1{self.code}\n" if value else ""
        if step and value == self.values[step - 1]:
            return ""
        bits = self.word.pattern(value)
        return f"{bits}{self.code}\n" if self.word.bits == 1 else f"b{bits} {self.code}\n"


def write_vcd(
    path: str | os.PathLike[str],
    trace: Trace,
    *,
    layers: Layers = None,
    registers: Iterable[str] | None = None,
    sample: int = 0,
    timescale: str = TIMESCALE,
) -> int:
    """Write one sample of a trace, whole or not at all; returns how many variables there are.

    layers: names, or by name the neurons of each; registers: names, 'spikes' among them; None: whatever was recorded.
    timescale: how long a step or event lasts in the viewer, 1, 10 or 100 s, ms, us, ns, ps or fs. Raises InputError,
    FileError.
    """
    samples, steps = trace.spikes.shape[:2]
    if not 0 <= sample < samples:
        raise InputError(f"sample: found {sample}; allowed: 0 to {samples - 1}")
    if not _TIMESCALE.fullmatch(timescale):
        allowed = "1, 10 or 100 and s, ms, us, ns, ps or fs, such as 1 ms"
        raise InputError(f"timescale: found {timescale!r}; allowed: {allowed}")
    signals = list(_signals(trace, sample, layers, registers))
    clock = "step" if trace.wire is None else "event"
    with replacing(path) as file:
        file.write("".join(f"{line}\n" for line in _header(signals, clock, trace.network, sample, timescale)).encode())
        for step in range(steps):
            file.write(f"#{step}\n".encode())
            file.write("".join(signal.change(step) for signal in signals).encode())
        file.write(f"#{steps}\n".encode())
    return len(signals)


def _signals(trace: Trace, sample: int, layers: Layers, registers: Iterable[str] | None) -> Iterator[Signal]:
    """Every variable, layer by layer and neuron by neuron."""
    number = 0
    for layer, chosen in choose(recorded_in(trace), layers, registers).items():
        variables: list[tuple[str, Word | None, Integers]] = []
        for register in chosen.registers:
            if register != SPIKES:
                own = Word.parse(trace[layer].words[register])
                variables.append((register, own, trace[layer].registers[register][sample]))
                continue
            spikes = trace[layer].spikes[sample]
            variables.append((SPIKES, None, spikes))
            if spikes.size and (spikes.min() < 0 or spikes.max() > 1):
                variables.append((COUNT, holding(min(0, int(spikes.min())), int(spikes.max())), spikes))
        for neuron in chosen.neurons:
            for name, word, values in variables:
                yield Signal(layer, neuron, name, word, np.ascontiguousarray(values[:, neuron]), _code(number))
                number += 1


def _code(number: int) -> str:
    """A short identifier code for each number."""
    code = _CODES[number % len(_CODES)]
    while number := number // len(_CODES):
        code += _CODES[number % len(_CODES)]
    return code


def _header(signals: list[Signal], clock: str, network: str, sample: int, timescale: str) -> Iterator[str]:
    yield f"$comment a unit of time is one {clock}; sample {sample} of network {network} $end"
    yield "$version bitspike $end"
    yield f"$timescale {timescale} $end"
    layer, neuron = "", -1
    for signal in signals:
        if layer and (signal.layer, signal.neuron) != (layer, neuron):
            yield "$upscope $end"
        if signal.layer != layer:
            if layer:
                yield "$upscope $end"
            yield f"$scope module {identifier(signal.layer)} $end"
        if (signal.layer, signal.neuron) != (layer, neuron):
            yield f"$scope module n{signal.neuron} $end"
        yield f"    {signal.declaration}"
        layer, neuron = signal.layer, signal.neuron
    yield from ("$upscope $end", "$upscope $end", "$enddefinitions $end")


def identifier(name: str) -> str:
    """A name as Verilog writes it, escaped by a backslash where it is no plain identifier. Raises InputError."""
    if _PLAIN.fullmatch(name):
        return name
    if not name or not all(33 <= ord(character) <= 126 for character in name):
        raise InputError(f"layer {name!r}: allowed in a VCD: printable ASCII characters without spaces")
    return f"\\{name}"
