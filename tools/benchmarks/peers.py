"""The engine against snnTorch, SpikingJelly and Xylo's simulator; what is not installed is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bitspike as bs
import numpy as np

from . import engine, networks, xylo
from .machine import installed
from .networks import GENERIC
from .rows import Bench, Row, Settings, Target, compared
from .timing import COLD, interleaved

TARGETS = {
    ("snntorch", "ff", 64, "hot"): 50,
    ("snntorch", "ff", 1, "hot"): 200,
    ("snntorch", "ff", 1, "cold"): 40,
}
DENSITY = 0.05
PUBLISHED = 9.7e-6  # seconds a sample and step of 64-128-10 at 20 %, as thrindex 0.5.0 states
BUILDERS = {"snntorch": "snntorch_loop", "spikingjelly": "spikingjelly_run"}


def benches(settings: Settings) -> Iterator[Bench]:
    """Rows with a target, and SpikingJelly's; or every topology."""
    cases = [("ff", 64, "hot"), ("ff", 1, "hot"), ("ff", 1, "cold")]
    if settings.full:
        cases += [("rec", 64, "hot"), ("rec", 1, "hot"), ("conv", 64, "hot"), ("conv", 1, "hot")]
    for package in BUILDERS:
        for topology, samples, cache in cases:
            yield _bench(settings, package, topology, samples, cache)
    yield from xylo.benches(settings)
    for samples in (1, 64):
        yield _published(settings, samples)


def _bench(settings: Settings, package: str, topology: str, samples: int, cache: str) -> Bench:
    name = f"{topology} {DENSITY:.0%} B={samples} {cache}, {package}"

    def measure() -> Row:
        if missing := _missing("torch", package):
            return Row(name, None, skipped=missing)
        count = engine.threads()
        network = networks.calibrated(topology, GENERIC, "saturate", DENSITY)
        dense = networks.spikes(network.inputs, DENSITY, samples, settings.steps, engine.SEED)
        events = bs.Raster.of(dense)
        trace = bs.run(network, events, threads=count)
        notes = engine.facts(network, events, trace, DENSITY)
        operations = networks.synaptic_operations(network, events, trace)
        try:
            theirs = _theirs(package, network, dense, count)
        except ImportError as error:
            return Row(name, None, skipped=f"{package} cannot be imported: {error}")
        calls = [lambda: bs.run(network, events, threads=count), theirs]
        times = interleaved(calls, cold=cache == "cold", seconds=settings.seconds)
        notes |= {"synops/s": operations / times.median(0)}
        notes |= {"theirs is": f"{package} {installed(package)}"}
        notes |= {"cache": COLD} if cache == "cold" else {"cache": "hot"}
        wanted = TARGETS.get((package, topology, samples, cache))
        return compared(name, times, count, Target(wanted) if wanted else None, **notes)

    return Bench(name, measure)


def _missing(*packages: str) -> str | None:
    """Which of the packages is not installed."""
    return next((f"{package} is not installed" for package in packages if installed(package) is None), None)


def _theirs(package: str, network: bs.Network, dense: np.ndarray, count: int) -> Callable[[], Any]:
    import torch

    from . import floats

    torch.set_num_threads(count)
    build: Callable[..., Callable[[], Any]] = getattr(floats, BUILDERS[package])
    return build(network, floats.as_floats(dense))


def _published(settings: Settings, samples: int) -> Bench:
    """Ours against what thrindex publishes of itself, on its network; it is not run."""
    name = f"64-128-10 20% B={samples}, thrindex published"

    def measure() -> Row:
        plan = networks.dense(GENERIC, (64, 128, 10))
        network = networks.with_thresholds(plan, 2, 0.2)
        events = networks.raster(64, 0.2, samples, settings.steps, engine.SEED)
        count = engine.threads()
        trace = bs.run(network, events, threads=count)
        notes = engine.facts(network, events, trace, 0.2)
        times = interleaved([lambda: bs.run(network, events, threads=count)], seconds=settings.seconds)
        each = times.seconds[0] / (samples * settings.steps)
        notes |= {"theirs is": "9.7 us a sample and step, published for version 0.5.0, elsewhere measured"}
        figure, ours = times.figure(PUBLISHED / each), times.median(0) / (samples * settings.steps)
        return Row(name, figure, "x", Target(1), ours, PUBLISHED, count, notes)

    return Bench(name, measure)
