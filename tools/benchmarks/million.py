"""A million neurons of fan-in 100 run once, in a process of its own: `million.py STEPS [NEURONS]` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import bitspike as bs
import numpy as np

FAN_IN, INPUTS = 100, 1000
SMALL = 10_000  # neurons on which the threshold is found: a neuron's input does not depend on how many there are


def plan(neurons: int):  # type: ignore[no-untyped-def]
    """Neurons with FAN_IN synapses from among themselves, and one from an input that is stronger."""
    from benchmarks import networks

    dialect = networks.DIALECTS[networks.GENERIC]
    rng = np.random.default_rng(3)
    post = np.repeat(np.arange(neurons), FAN_IN)
    # each neuron's sources lie a random distance apart, so that none is named twice
    first, gap = rng.integers(0, neurons, neurons), rng.integers(1, neurons // FAN_IN, neurons)
    pre = ((first[:, None] + np.arange(FAN_IN) * gap[:, None]) % neurons).ravel()
    values = networks.weights(99, len(pre)) // 2
    driven = bs.Sparse(rng.integers(0, INPUTS, neurons), np.arange(neurons))
    links = (
        bs.Projection("input", "l0", np.full(neurons, 127), "forward", dialect.links, driven),
        bs.Projection("l0", "l0", values, "recurrent", dialect.links, bs.Sparse(pre, post)),
    )

    def layers(thresholds):  # type: ignore[no-untyped-def]
        parameters = {**dialect.parameters["neuron"], "threshold": thresholds[0]}
        return [networks.Layer(bs.Population("l0", neurons, parameters, "neuron"), links)]

    return networks.Plan(networks.profile_of(networks.GENERIC), INPUTS, 32767, layers)


def main(steps: int, neurons: int = 1_000_000) -> None:
    """Print what the run took."""
    from benchmarks import networks

    small = networks.with_thresholds(plan(min(neurons, SMALL)), 1, 0.05)
    threshold = int(np.asarray(small.populations[0].parameters["threshold"])[0])
    start = perf_counter()
    network = plan(neurons).network([threshold])
    events = networks.raster(INPUTS, 0.05, 1, steps, 7)
    built = perf_counter()
    bs.run(network, networks.raster(INPUTS, 0.05, 1, 1, 7))  # wires it, and compiles
    ready = perf_counter()
    trace = bs.run(network, events)
    seconds = perf_counter() - ready
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << (30 if sys.platform == "darwin" else 20))
    fired = np.count_nonzero(trace["l0"].spikes)
    found = {"GiB": peak, "seconds": seconds, "threads": 1, "rates": {"l0": f"{fired / steps / neurons:.1%}"}}
    found |= {"synops/s": (fired * FAN_IN + len(events.index) * neurons / INPUTS) / seconds}
    found |= {"T": steps, "B": 1, "neurons": neurons, "s to build": built - start, "s to wire": ready - built}
    print(json.dumps(found))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main(*map(int, sys.argv[1:]))
