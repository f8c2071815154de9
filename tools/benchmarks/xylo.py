"""Xylo's own networks on its vendor's simulator, xylosim, and on the engine: equal in every spike, then timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bitspike as bs
import numpy as np

from . import networks
from .machine import installed
from .networks import DIALECTS, XYLO, Integers
from .rows import Bench, Row, Settings, Target, compared
from .timing import interleaved, processors

DENSITY = 0.05
LONGER = 10  # times the steps of other rows: 1000
STEPS = 1000  # in which the rates are set
BATCH = 256
RECURRENT = 4  # times smaller are weights among hidden neurons: else these keep each other firing without input


@dataclass(frozen=True)
class Shape:
    """Inputs, hidden neurons, outputs, and how many hidden neurons reach each hidden neuron."""

    name: str
    inputs: int
    hidden: int
    outputs: int
    fan_in: int
    targets: tuple[int, int]


SHAPES = (
    Shape("16-63-8", 16, 63, 8, 0, (10, 30)),
    Shape("16-1000-8 recurrent", 16, 1000, 8, 32, (20, 40)),
)


def benches(settings: Settings) -> Iterator[Bench]:
    """Each network with one sample and with many."""
    for shape in SHAPES:
        for samples, target in zip((1, BATCH), shape.targets, strict=True):
            yield _bench(settings, shape, samples, target)


def _bench(settings: Settings, shape: Shape, samples: int, target: int) -> Bench:
    name = f"{shape.name} T={LONGER * settings.steps} B={samples}, xylosim"

    def measure() -> Row:
        if installed("xylosim") is None:
            return Row(name, None, skipped="xylosim is not installed")
        network = networks.with_thresholds(plan(shape), 2, DENSITY, STEPS)
        steps, count = LONGER * settings.steps, 1 if samples == 1 else min(2, len(processors()))
        dense = networks.spikes(shape.inputs, DENSITY, samples, steps, seed=7)
        events, theirs = bs.Raster.of(dense), simulated(network, dense[0])
        trace = bs.run(network, events, threads=count)
        check_equal(trace, theirs)
        notes: dict[str, Any] = {"rates": networks.rates(network, trace), "density": DENSITY, "T": steps, "B": samples}
        operations = networks.synaptic_operations(network, events, trace)
        del trace
        times = interleaved([lambda: bs.run(network, events, threads=count), theirs], seconds=settings.seconds)
        notes |= {"synops/s": operations / times.median(0)}
        times.seconds[0] /= samples
        notes |= {"theirs is": f"xylosim {installed('xylosim')}, one sample, one thread", "a sample": "both"}
        return compared(name, times, count, Target(target), **notes)

    return Bench(name, measure)


def plan(shape: Shape) -> networks.Plan:
    """Dense to the hidden neurons and from them, and a list of synapses among them."""
    dialect, profile = DIALECTS[XYLO], networks.profile_of(XYLO)
    rng = np.random.default_rng(5)
    pre = np.concatenate([rng.choice(shape.hidden, shape.fan_in, replace=False) for _ in range(shape.hidden)])
    post = np.repeat(np.arange(shape.hidden), shape.fan_in)

    def layers(thresholds: list[int]) -> list[networks.Layer]:
        links = [bs.Projection("input", "l0", networks.weights(0, shape.inputs, shape.hidden), "input", dialect.links)]
        if shape.fan_in:
            synapses = bs.Sparse(pre.astype(np.int64), post)
            values = networks.weights(99, len(pre)) // RECURRENT
            links.append(bs.Projection("l0", "l0", values, "recurrent", dialect.links, synapses))
        readout = bs.Projection("l0", "l1", networks.weights(1, shape.hidden, shape.outputs), "readout", dialect.links)
        both = [("l0", shape.hidden, "hidden", tuple(links)), ("l1", shape.outputs, "output", (readout,))]
        return [
            networks.Layer(
                bs.Population(name, size, {**dialect.parameters[kind], "threshold": threshold}, kind), incoming
            )
            for (name, size, kind, incoming), threshold in zip(both, thresholds, strict=False)
        ]

    return networks.Plan(profile, shape.inputs, 32767, layers)


def simulated(network: bs.Network, dense: Integers) -> Callable[[], Any]:
    """A call that resets xylosim's layer, runs one sample [step, input], and returns the layer."""
    from xylosim.v2 import XyloLayer, XyloSynapse

    def synapses(link: bs.Projection | None, sources: int) -> list[list[Any]]:
        if link is None:
            return [[] for _ in range(sources)]
        values = np.asarray(link.weights).astype(int)
        if isinstance(link.shape, bs.Sparse):
            pairs = zip(np.asarray(link.shape.pre), np.asarray(link.shape.post), values, strict=True)
        else:
            places = np.nonzero(values[:, :, 0])
            pairs = zip(*places, values[:, :, 0][places], strict=True)
        lists: list[list[Any]] = [[] for _ in range(sources)]
        for source, target, weight in pairs:
            lists[int(source)].append(XyloSynapse(int(target), 0, int(weight)))
        return lists

    links = {(link.source, link.target): link for link in network.projections}
    hidden, output = network.populations

    def values(population: bs.Population, name: str) -> list[int]:
        return [int(value) for value in np.asarray(population.parameters[name])]

    ends = {"in": ("input", "l0"), "rec": ("l0", "l0"), "out": ("l0", "l1")}
    kept = {f"synapses_{name}": synapses(links.get(pair), network.size(pair[0])) for name, pair in ends.items()}
    layer = XyloLayer(
        **kept,
        aliases=[[] for _ in range(hidden.size)],
        threshold=values(hidden, "threshold"),
        threshold_out=values(output, "threshold"),
        has_bias=False,
        bias=[0] * hidden.size,
        bias_out=[0] * output.size,
        weight_shift_inp=0,
        weight_shift_rec=0,
        weight_shift_out=0,
        dash_mem=values(hidden, "dash_mem"),
        dash_mem_out=values(output, "dash_mem"),
        dash_syns=[list(pair) for pair in zip(*(values(hidden, f"dash_syn{s}") for s in range(2)), strict=True)],
        dash_syns_out=[[value] for value in values(output, "dash_syn0")],
        name="benchmark",
    )
    rows = dense.astype(int).tolist()

    def call(kept: Any = kept) -> Any:  # the layer points to synapses that Python owns
        layer.reset_all()
        layer.evolve(rows)
        return layer

    return call


def check_equal(trace: bs.Trace, theirs: Callable[[], Any]) -> None:
    """Raise where a spike of the first sample differs from theirs."""
    layer = theirs()
    for name, found in (("l0", layer.rec_recurrent_spikes), ("l1", layer.rec_out_spikes)):
        ours, spikes = trace[name].spikes[0], np.array(found)
        if ours.shape != spikes.shape or not np.array_equal(ours, spikes):
            raise AssertionError(f"{name}: xylosim's spikes differ from ours: {spikes.sum()} against {ours.sum()}")
