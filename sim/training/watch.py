"""What is wrong with the network under training, said once and while it can still be stopped."""

from __future__ import annotations

from collections.abc import Callable

from ..report.findings import Finding, findings
from .batches import Samples
from .encoding import encode
from .model import SpikingNetwork

LOUD = 0.25  # of a layer: what is true of fewer is left to `bitspike check`, as it comes and goes
SAMPLES = 32  # on which the network is watched


class Watch:
    """Looks at a network on the same few training samples again and again, and tells what is new."""

    def __init__(
        self, samples: Samples, model: SpikingNetwork, weight_bits: int, tell: Callable[[Finding], None]
    ) -> None:
        """weight_bits: of the trained weights."""
        self.spikes = encode(samples.images[:SAMPLES], samples.encoding, samples.top)
        self.model, self.weight_bits, self.tell = model, weight_bits, tell
        self.said: set[tuple[str, str, str]] = set()

    def look(self, epoch: int) -> None:
        """Tell what is true of a quarter of a layer at the least, and was not said before.

        After epochs 1, 4, 16 and so on: what is proved takes seconds of a chip with many spikes a step.
        """
        if epoch.bit_length() % 2 == 0 or epoch & (epoch - 1):
            return
        for each in findings(self.model.export(), self.spikes, self.model.max_input, self.weight_bits):
            if (each.share or 0) >= LOUD and each.key not in self.said:
                self.said.add(each.key)
                self.tell(each)
