"""The proof that a trained network is what the chip computes: three ways to the same bits."""

from __future__ import annotations

from dataclasses import dataclass

from ..compare import Comparison, compare
from ..engine import run
from ..trace import Trace
from .model import SpikingNetwork
from .task import TestSet


@dataclass(frozen=True)
class Proof:
    """The compiled engine's trace, and how the two others compare with it, every register recorded."""

    trace: Trace
    training: Comparison
    oracle: Comparison

    @property
    def samples_bit_exact(self) -> int:
        """Samples whose every spike and register is equal in all three."""
        return self.training.samples - len({*self.training.differing, *self.oracle.differing})

    @property
    def values(self) -> int:
        """Values compared in both comparisons."""
        return self.training.values + self.oracle.values

    def check(self) -> None:
        """Raise MismatchError, naming the first difference, unless all three are equal."""
        self.training.check()
        self.oracle.check()


def prove(model: SpikingNetwork, test: TestSet) -> Proof:
    """Run test samples through the training forward pass, the compiled engine and the oracle."""
    network = model.export()
    trace = run(network, test.spikes, record="all")
    oracle = run(network, test.spikes, record="all", engine="oracle")
    return Proof(trace, compare(model.trace(test.spikes), trace), compare(trace, oracle))
