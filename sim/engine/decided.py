"""What a layer's neurons compared with their thresholds: the register that decides, before its reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..network.network import Network
from ..ops.array import ArrayOps
from ..ops.base import Flag, Registers, Repeated, crossing
from ..profile.schema import SPIKES
from ..trace import Integers
from .given import check_spikes, initial_state
from .oracle import RefusedOverflowError
from .vectorised import simulate
from .wiring import wire


class _Watching(ArrayOps):
    """Keeps the register that the first branch of every fire decides by."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Integers] = []
        self.branch: Repeated | None = None

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """As ever, after a copy of what decides."""
        decides = crossing(branch.crossing, regs.words)
        if self.branch in (None, branch) and decides is not None:
            self.branch = branch
            self.seen.append(np.array(regs[decides[0]] + 0 * regs[SPIKES]))
        super().repeat(branch, regs, again, body)


def decided_registers(network: Network, spikes: Integers) -> Mapping[str, NDArray[np.int64]]:
    """By layer the register by which its first branch decides, [sample, step, neuron]; none of one that compares none.

    spikes: [sample, step, input]. Raises InputError for clock: event and for aliases, where neurons decide one by one.
    """
    if network.profile.clock != "step" or any(each.aliases is not None for each in network.populations):
        raise InputError("network: found events or aliases; allowed: clock: step, no aliases")
    counts, groups = check_spikes(spikes, network), wire(network)
    layers = [layer for group in groups for layer in group]
    ops = {layer.name: _Watching() for layer in layers}
    overflows = {layer.name: np.zeros(len(layer.neuron.registers), np.int64) for layer in layers}
    try:
        simulate(groups, counts, initial_state(network, len(counts)), {}, {}, overflows, ops)
    except RefusedOverflowError:
        raise InputError("network: a register refuses a value on these samples; running them names it") from None
    return {name: np.stack(each.seen, axis=1) for name, each in ops.items() if each.seen}
