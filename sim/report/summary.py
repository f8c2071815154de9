"""What a demonstration proved, as JSON and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..trace import Trace


@dataclass(frozen=True)
class Summary:
    """Figures of a trained network over its test samples.

    values: how many were compared to call `samples_bit_exact` of `samples` so.
    spike_rate: spikes a neuron and step. overflows: by 'layer.register'. silent: by layer.
    """

    accuracy: float
    float_accuracy: float
    samples: int
    samples_bit_exact: int
    values: int
    spike_rate: dict[str, float]
    overflows: dict[str, int]
    silent: dict[str, int]
    seconds: float
    training_seconds: float

    def json(self) -> dict[str, Any]:
        """The content of summary.json."""
        return {
            "accuracy": self.accuracy,
            "float_accuracy": self.float_accuracy,
            "samples": self.samples,
            "samples_bit_exact": self.samples_bit_exact,
            "values_compared": self.values,
            "spikes_per_neuron_and_step": self.spike_rate,
            "overflows": self.overflows,
            "silent_neurons": self.silent,
            "seconds": round(self.seconds, 1),
            "training_seconds": round(self.training_seconds, 1),
        }

    def rows(self) -> list[tuple[str, str]]:
        """The table that a person reads."""
        overflows = {name: count for name, count in self.overflows.items() if count}
        return [
            ("accuracy, float weights", f"{self.float_accuracy:.2%}"),
            ("accuracy, integers", f"{self.accuracy:.2%}"),
            ("samples bit-exact", f"{self.samples_bit_exact} of {self.samples} ({self.values:,} values compared)"),
            ("spikes per neuron and step", _listed({name: f"{rate:.3f}" for name, rate in self.spike_rate.items()})),
            ("overflows", _listed(overflows) if overflows else f"none in {len(self.overflows)} registers"),
            ("silent neurons", _listed(self.silent)),
            ("seconds", f"{self.seconds:.0f}, of which training {self.training_seconds:.0f}"),
        ]


def activity(trace: Trace) -> tuple[dict[str, float], dict[str, int], dict[str, int]]:
    """Spike rate and silent neurons by layer, and overflows by 'layer.register'."""
    rates = {name: float(layer.spikes.mean()) for name, layer in trace.layers.items()}
    silent = {name: int((layer.spikes.sum((0, 1)) == 0).sum()) for name, layer in trace.layers.items()}
    overflows = {
        f"{name}.{register}": count
        for name, layer in trace.layers.items()
        for register, count in layer.overflows.items()
    }
    return rates, overflows, silent


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
