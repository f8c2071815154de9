"""Whether a profile computes what a chip recorded: the first differing bit, and how the profile came to it."""

from __future__ import annotations

from dataclasses import dataclass

from ..compare import Comparison, Difference, compare
from ..engine import Write, explain, run
from ..trace import LayerTrace, Trace
from .vectors import Vectors

UNKNOWN = "x: a bit that the simulator does not know, such as one that was never written; z: one that nothing drives"


@dataclass(frozen=True)
class Verification:
    """Vectors against what their profile computes; of `comparison.first` the values are (expected, found).

    recorded: the keys that were compared. samples, steps: of the input, the steps being events with clock: event.
    writes: of the neuron that differs first, every write of that step under the profile; none where all is equal.
    """

    comparison: Comparison
    recorded: tuple[str, ...]
    samples: int
    steps: int
    clock: str
    writes: tuple[Write, ...]

    @property
    def equal(self) -> bool:
        """Whether every recorded value is the computed one."""
        return self.comparison.equal

    @property
    def bits(self) -> tuple[int, ...]:
        """Which bits differ in the first value that does, the lowest first; bit 0 is the lowest of a word."""
        first = self.comparison.first
        if first is None:
            return ()
        width = max(map(len, first.bits))
        return tuple(bit for bit in range(width) if (first.values[0] ^ first.values[1]) >> bit & 1)

    def __str__(self) -> str:
        """What was compared and is equal; or the first difference, and the writes that led to it."""
        first, c = self.comparison.first, self.comparison
        extent = f"{self.samples:,} samples, {self.steps:,} {self.clock}s ({', '.join(self.recorded)})"
        if first is None:
            return f"equal: {c.values:,} values of {extent}"
        lines = [
            f"first difference at {self.clock} {first.step}, layer {first.layer}, neuron {first.neuron}, "
            f"register {first.register}, sample {first.sample}",
            *_values(first),
            f"  {_named(self.bits)}",
            *([f"  {UNKNOWN}"] if _unknown(first) else []),
            f"  {c.different:,} of {c.values:,} values differ, in {len(c.differing):,} of {extent}",
        ]
        if self.writes:
            lines += ["", f"what the profile computes for this neuron in this {self.clock}:"]
            lines += self._marked(first.register)
        return "\n".join(lines)

    def _marked(self, register: str) -> list[str]:
        """A line a write, the last one of a register, which leaves it as it is found, marked with `>`."""
        last = max((i for i, write in enumerate(self.writes) if write.register == register), default=-1)
        return [f"{'>' if i == last else ' '} {write}" for i, write in enumerate(self.writes)]


def _unknown(first: Difference) -> bool:
    """Whether the simulator does not know the value that was found."""
    return any(bit not in "01" for bit in first.bits[1])


def _values(first: Difference) -> list[str]:
    values = (first.values[0], "unknown") if _unknown(first) else first.values
    width = max(len(str(value)) for value in values)
    rows = zip(("expected", "found"), values, first.bits, strict=True)
    return [f"  {name:8} {value:>{width}} ({bits})" for name, value, bits in rows]


def _named(bits: tuple[int, ...]) -> str:
    if len(bits) == 1:
        return f"bit {bits[0]} differs"
    return f"bits {', '.join(map(str, bits[:-1]))} and {bits[-1]} differ: lowest {bits[0]}, highest {bits[-1]}"


def verify(vectors: Vectors, *, engine: str = "compiled") -> Verification:
    """Run vectors' network on their input, and compare it with what was recorded.

    engine: as for `run`. Raises InputError, and OverflowRefusedError where the profile has no rule.
    """
    expected, network = vectors.expected, vectors.network
    names = {register for layer in expected.layers.values() for register in layer.registers}
    trace = run(network, vectors.input, record=sorted(names), engine=engine, state=vectors.state)
    layers = {name: _only(trace[name], layer) for name, layer in expected.layers.items()}
    comparison = compare(expected, Trace(layers, trace.network, {}, trace.wire))
    samples, steps = expected.spikes.shape[:2]
    writes = _writes(vectors, comparison.first) if comparison.first else ()
    return Verification(comparison, vectors.recorded, samples, steps, network.profile.clock, writes)


def _only(layer: LayerTrace, recorded: LayerTrace) -> LayerTrace:
    """What was recorded of a layer too."""
    spikes = layer.spikes[..., : recorded.spikes.shape[2]]
    return LayerTrace(spikes, {name: layer.registers[name] for name in recorded.registers}, {}, layer.words)


def _writes(vectors: Vectors, first: Difference) -> tuple[Write, ...]:
    place = {"layer": first.layer, "neuron": first.neuron, "step": first.step, "sample": first.sample}
    return tuple(explain(vectors.network, vectors.input, **place, state=vectors.state))  # type: ignore[arg-type]
