"""Findings that hold for every input: what no spike can reach, and weights that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..datapath import WEIGHT
from ..engine.reach import Reach, reach, unheard
from ..network.added import Weights, added_weights
from ..network.lists import Listed
from ..network.network import Network
from ..network.parts import Population, Projection
from ..network.weights import connection_values, neuron_values
from ..ops.array import ArrayOps
from ..word import Word
from .findings import Finding, whose

Flags = NDArray[np.bool_]

MANY_ZEROS = 0.5  # of a projection's weights: more are said
MANY_ENDS = 0.05  # of a projection's weights at the ends of their range: more are said


def proved(network: Network, most_input: int | None = None, weight_bits: int | None = None) -> list[Finding]:
    """What holds for every input: see `findings`. Of clock: event only what is to be said of its weights."""
    found = [each for projection in network.projections for each in _of_weights(network, projection, weight_bits)]
    found += [each for projection in network.projections for each in _of_format(network, projection)]
    if network.profile.clock == "event":
        return found
    reached = reach(network, most_input)
    given = "any input" if most_input is None else f"any input of at most {most_input} a channel and step"
    explained = {p.name: _unconnected(network, p) for p in network.populations}
    for name, flags in explained.items():
        found += _if_any("unconnected", name, "weights", flags & _never(reached[name]),
                         "receive only weights of 0, and never spike", "train longer, or raise gain")  # fmt: skip
    for each in unheard(network, reached, most_input):
        by = getattr(each.stage, "by", None)
        mend = f"set {by} above 0" if isinstance(by, str) else f"see the profile's stage {each.stage.key}"
        what = f"lose all that arrives in {each.register} before it is used"
        found += _if_any("deaf", each.layer, each.register, each.neurons, what, mend)
        explained[each.layer] = explained[each.layer] | each.neurons & _never(reached[each.layer])
    for population in network.populations:
        one, flags = reached[population.name], _never(reached[population.name]) & ~explained[population.name]
        what = f"never spike, for {given}{_lacking(network, population, one, flags)}"
        mend = "lower the threshold, or raise the weights (gain, weight shifts)"
        found += _if_any("unreachable", population.name, "", flags, what, mend)
        always = np.broadcast_to(one.spikes.lo > 0, population.size)
        what = "spike on every step, whatever the input"
        found += _if_any("always", population.name, "", always, what, "raise the threshold, or lower the bias")
    return found


def _if_any(kind: str, layer: str, subject: str, flags: Flags, what: str, change: str) -> Iterator[Finding]:
    if np.any(flags):
        yield Finding(kind, layer, subject, *whose(flags), what, change, True)


def _never(one: Reach) -> Flags:
    return np.asarray((one.spikes.lo == 0) & (one.spikes.hi == 0))


def _lacking(network: Network, population: Population, one: Reach, flags: Flags) -> str:
    """How far the best of them come, where a register is compared with a parameter or a number."""
    register, relation, operand = network.neuron_class(population).fire.branches[0].crossing
    if relation not in (">=", ">") or register not in one.written or not flags.any():
        return ""
    if isinstance(operand, int):
        needed = np.full(population.size, operand)
    else:
        values = neuron_values(network.profile, population)
        if operand not in values:
            return ""
        needed = np.broadcast_to(values[operand], population.size)
    reached = np.broadcast_to(one.written[str(register)].hi, population.size)
    missing = np.where(flags, needed - reached, np.iinfo(np.int64).max)
    best = int(np.argmin(missing))
    if missing[best] < (relation == ">="):  # it is reached, and something else keeps the neuron from spiking
        return ""
    return f": {register} reaches {reached[best]} at most, {operand} is {needed[best]} (neuron {best}, the nearest)"


def _unconnected(network: Network, population: Population) -> Flags:
    """Neurons whose synapses, of which there are some, all add 0."""
    incoming = [p for p in network.projections if p.target == population.name]
    reached = np.zeros(population.size, bool)
    for projection in incoming:
        for weights in _added(network, projection, ArrayOps()):
            reached |= _any_of_target(weights, population.size)
    return ~reached & bool(incoming)


def _any_of_target(weights: Weights, size: int) -> Flags:
    if isinstance(weights, Listed):
        return np.bincount(weights.targets[weights.weights != 0], minlength=size) > 0
    return np.asarray(np.any(np.asarray(weights) != 0, axis=0))


def _added(network: Network, projection: Projection, ops: ArrayOps) -> list[Weights]:
    values = connection_values(network.profile, projection) | network.profile.constants
    target = neuron_values(network.profile, network.population(projection.target))
    sources = network.size(projection.source)
    return added_weights(network.connection(projection), projection, values, target, sources, ops)


def _of_weights(network: Network, projection: Projection, bits: int | None) -> Iterator[Finding]:
    """Many weights are 0, or at an end of the range that they have in `bits`."""
    raw, weight = np.asarray(projection.weights), network.connection(projection).weight
    if not raw.size or weight.word.bits == 1:  # a crossbar's bit is as often 0 as it is
        return
    low, high = weight.range
    if bits is not None and bits < weight.word.bits:
        word = Word(bits, weight.word.signed)
        low, high = word.min + (weight.narrow and word.signed), word.max
    zeros, at_ends = whose(raw == 0), whose((raw == low) | (raw == high))
    target, source = projection.target, projection.source
    if zeros[0] > MANY_ZEROS * zeros[1]:
        what, mend = f"from {source} are 0", "raise gain, or give the weights more bits"
        yield Finding("zero_weights", target, source, *zeros, what, mend, True)
    if at_ends[0] > MANY_ENDS * at_ends[1]:
        what = f"from {source} are {low} or {high}, the ends of their range"
        mend = "lower gain and the threshold, or raise the weight shift"
        yield Finding("end_weights", target, source, *at_ends, what, mend, True)


def _of_format(network: Network, projection: Projection) -> Iterator[Finding]:
    """What the format makes of the weights: 0, or what does not fit."""
    connection, ops, raw = network.connection(projection), ArrayOps(), np.asarray(projection.weights)
    if not connection.weight.format or not raw.size:
        return
    added = _added(network, projection, ops)
    source, target = projection.source, projection.target
    if projection.shape is None:
        lost = np.stack([(raw[:, :, k] != 0) & (np.asarray(a) == 0) for k, a in enumerate(added)], axis=2)
        if lost.any():
            what, mend = f"from {source} are not 0 but add 0, as their format cuts them", "use larger weights"
            yield Finding("lost_weights", target, source, *whose(lost), what, mend, True)
    cut = ops.overflows[WEIGHT]
    if cut:
        what = f"{cut:,} of the format's writes of weights from {source} do not fit their word"
        yield Finding("cut_weights", target, source, None, raw.size, what, "use smaller weights or weight shifts", True)
