"""What a class's registers can hold between two steps, and what a step can emit, found by running it on intervals."""

from __future__ import annotations

from collections.abc import Mapping

from ..ops.base import Registers
from ..ops.interval import Interval, IntervalOps
from .analysis import held, run
from .schema import SPIKES, NeuronClass, Profile


def ranges_at_rest(profile: Profile, neuron: NeuronClass) -> dict[str, Interval]:
    """What each register can hold between two steps, 0 at the start among it."""
    after = _after_a_step(profile, neuron)
    return {name: after[name].join(Interval(0, 0)) for name in neuron.registers}


def emission(profile: Profile, neuron: NeuronClass) -> Interval:
    """How many spikes a neuron can emit in a step."""
    spikes: Interval = _after_a_step(profile, neuron)[SPIKES]
    return spikes


def _after_a_step(profile: Profile, neuron: NeuronClass) -> Registers:
    ops = IntervalOps()
    regs = Registers(ops, neuron.registers, dict(held(profile, neuron)))
    regs.values[SPIKES] = Interval(0, 0)
    run(ops, regs, neuron.stages)
    return regs


def remembered(resting: Mapping[str, Interval]) -> list[str]:
    """The registers that are not always 0 between two steps."""
    return [name for name, span in resting.items() if span != Interval(0, 0)]
