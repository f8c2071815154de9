"""Event-driven cores on open-loop streams: neuron updates a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.events import ABSENT

from .rows import Bench, Row, Settings, Target
from .timing import interleaved

NEURONS = 256
EVENTS = 200  # of a stream, for each step that is asked for
REFERENCES = 0.02  # of the events; the others are spikes
TARGET = 500  # million neuron updates a second


@dataclass(frozen=True)
class Core:
    """How a profile says its core. weights: the least and greatest, both included; synapses: the connection's own."""

    parameters: Mapping[str, int]
    weights: tuple[int, int]
    synapses: Mapping[str, Any]


def cores() -> dict[str, Core]:
    """By profile: excitation outweighs inhibition a little, so that neurons fire now and then."""
    sign = (np.arange(NEURONS) % 5 < 2).astype(int)
    mapped = np.ones((NEURONS, NEURONS), int)
    return {
        "tinyodin": Core({"threshold": 80, "leak": 2, "disabled": 0}, (-7, 7), {}),
        "odin": Core(
            {"threshold": 60, "leak": 2, "leak_enable": 1, "disabled": 0}, (0, 7), {"sign": sign, "mapped": mapped}
        ),
    }


def benches(settings: Settings) -> Iterator[Bench]:
    """One row a core, on one thread."""
    for name in cores():
        yield _bench(settings, name)


def network(name: str) -> bs.Network:
    """A core whose own spikes leave it."""
    core = cores()[name]
    matrix = np.random.default_rng(11).integers(core.weights[0], core.weights[1] + 1, (NEURONS, NEURONS))
    profile = bs.load_profile(name).with_values(open_loop=1)
    population = bs.Population("core", NEURONS, core.parameters)
    return bs.Network(profile, NEURONS, [population], [bs.Projection("core", "core", matrix, None, core.synapses)])


def stream(events: int) -> bs.Events:
    """Spikes of random sources, and time references, each of which reaches every neuron."""
    rng = np.random.default_rng(12)
    kind = (rng.random(events) < REFERENCES).astype(np.int64)
    source = np.where(kind == 0, rng.integers(0, NEURONS, events), ABSENT)
    return bs.Events(("spike", "reference"), kind, {"source": source})


def _bench(settings: Settings, name: str) -> Bench:
    title = f"{name}, neuron updates"

    def measure() -> Row:
        core, events = network(name), stream(EVENTS * settings.steps)
        trace = bs.run(core, events)
        updates = len(events) * NEURONS
        times = interleaved([lambda: bs.run(core, events)], seconds=settings.seconds)
        notes = {"rates": {"core": f"{np.mean(trace.spikes != 0):.2%}"}, "events": len(events), "B": 1, "cores": 1}
        figure = times.figure(updates / times.seconds[0] / 1e6)
        return Row(title, figure, "M/s", Target(TARGET), times.median(0), None, 1, notes)

    return Bench(title, measure)
