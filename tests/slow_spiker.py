"""A Spiker+ neuron, slot by slot, in plain integers from the text of its arithmetic. Imports nothing from bitspike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EXCITATORY, INHIBITORY, END_OF_STEP, RESTART, SILENT = range(5)


def saturated(value: int, bits: int) -> int:
    """The nearest value that a signed word holds."""
    most = 2 ** (bits - 1) - 1
    return most if value > most else -most - 1 if value < -most - 1 else value


@dataclass
class Spiker:
    """One neuron. reset: `fixed`, `subtractive` or `none`; shift: of the leak, in bits."""

    bits: int
    shift: int
    reset: str
    threshold: int
    reset_value: int
    membrane: int = 0

    def run(self, slots: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
        """The membrane after every slot, and 1 where the slot is the end of a step that spikes."""
        spikes, membranes = [], []
        for kind, weight in slots:
            spikes.append(self.slot(kind, weight))
            membranes.append(self.membrane)
        return {"membrane": membranes, "spikes": spikes}

    def slot(self, kind: int, weight: int) -> int:
        """One operation; 1 where the neuron spikes."""
        if kind in (EXCITATORY, INHIBITORY):
            self.membrane = saturated(self.membrane + weight, self.bits)
        elif kind == RESTART:
            self.membrane = 0
        elif kind == END_OF_STEP:
            return self.end_of_step()
        return 0

    def end_of_step(self) -> int:
        """Fire or leak, never both."""
        value, leak = self.membrane, self.membrane // 2**self.shift
        if value <= self.threshold:
            self.membrane = saturated(value - leak, self.bits)
            return 0
        after = {"fixed": self.reset_value, "subtractive": value - self.threshold, "none": value + leak}
        self.membrane = saturated(after[self.reset], self.bits)
        return 1
