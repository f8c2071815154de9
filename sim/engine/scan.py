"""What machine code for training is made for: a layer's arrivals, registers and decisions, and a kernel's arguments."""

from __future__ import annotations

from dataclasses import dataclass

from ..profile.decision import Decision, decisions
from ..profile.rest import ranges_at_rest, remembered
from ..profile.schema import NeuronClass, Profile

MOST_LANES = 16


@dataclass(frozen=True)
class Arriving:
    """What arrives at a register. via: its connection. values: the projection's own, of a sum fitted once.

    checked: whether an overflow on the way is possible; then the least and the most that can add up are looked at.
    """

    register: str
    via: str
    values: tuple[tuple[str, int], ...]
    checked: bool


@dataclass(frozen=True)
class Scan:
    """What a pair of kernels is made for.

    real: the float type of arrivals and derivatives. lanes: neurons of a vector, at most as many as the layer has.
    started: whether registers start elsewhere than at 0, and are given back at the end. recorded: registers that are
    wanted as floats. trained: parameters whose derivatives are wanted. tabulated: for each decision, whether its slope
    comes from a table. reset_share: see TensorOps.
    """

    neuron: str
    arriving: tuple[Arriving, ...]
    real: str
    lanes: int
    started: bool
    recorded: tuple[str, ...]
    trained: tuple[str, ...]
    tabulated: tuple[bool, ...]
    reset_share: float


def lanes_of(size: int) -> int:
    """Neurons of a vector: a power of 2."""
    return min(MOST_LANES, 1 << (size.bit_length() - 1))


def sloped(neuron: NeuronClass) -> list[Decision]:
    """The decisions whose spikes have a gradient, in order."""
    return [each for each in decisions(neuron) if isinstance(each.branch.emit, int) and each.branch.emit]


def arguments(profile: Profile, scan: Scan, backward: bool) -> list[str]:
    """Names of a kernel's arguments, in order: numbers, and addresses of arrays.

    first, last: the samples to run; steps; size. Of each arrival k its sums `a{k}` [sample, step, size], and where it
    is checked the bounds `low{k}` and `high{k}` of its partial sums. Parameters `p_*` [size]. Registers at the start
    `s_*` [sample, size]; after each step, of those that are remembered, `r_*` [sample, step, size].

    Forward, `out` (spikes), for each decision j that has no table `u{j}` and, if it is a register, its threshold
    `t{j}`, and `k_*` of recorded registers, all [sample, step, size]; registers at the end `e_*` [sample, size];
    `failed`, a counter. Backward, derivatives: `g_out`, of the decisions `g{j}`, or their `table{j}` by the register
    from `row{j}` [size] on, and `gk_*`, by `ge_*`; then by the arrivals `ga{k}`, by registers at the start `gs_*`, and
    by trained parameters `gp_*` [sample, size].
    """
    neuron = profile.neurons[scan.neuron]
    kept = remembered(ranges_at_rest(profile, neuron))
    names = ["first", "last", "steps", "size"]
    for k, arriving in enumerate(scan.arriving):
        names += [f"a{k}", *((f"low{k}", f"high{k}") if arriving.checked else ())]
    names += [f"p_{name}" for name in (*neuron.parameters, *neuron.derived)]
    names += [f"s_{name}" for name in kept] if scan.started else []
    names += [f"r_{name}" for name in kept]
    chosen = sloped(neuron)
    if not backward:
        names += ["out", *(f"u{j}" for j in range(len(chosen)) if not scan.tabulated[j])]
        names += [f"t{j}" for j, each in enumerate(chosen) if each.moving]
        names += [f"k_{name}" for name in scan.recorded]
        names += [f"e_{name}" for name in kept] if scan.started else []
        return [*names, "failed"]
    names += ["g_out", *(f"gk_{name}" for name in scan.recorded)]
    for j, tabulated in enumerate(scan.tabulated):
        names += [f"table{j}", f"row{j}"] if tabulated else [f"g{j}"]
    names += [f"ga{k}" for k in range(len(scan.arriving))]
    names += [f"{kind}_{name}" for kind in ("ge", "gs") for name in kept] if scan.started else []
    return [*names, *(f"gp_{name}" for name in scan.trained)]
