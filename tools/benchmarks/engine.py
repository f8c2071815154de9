"""The engine against a plain loop of PyTorch on float32 tensors, the same network on the same threads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import bitspike as bs
import numpy as np

from . import networks
from .machine import installed
from .networks import GENERIC, LOIHI, SPECK, XYLO
from .rows import Bench, Row, Settings, Target, compared
from .timing import interleaved, processors

SEED = 7
TARGETS = {("ff", "events"): 22, ("rec", "events"): 30, ("conv", "events"): 25, ("ff", "dense"): 10}
CHIPS = (("ff", XYLO), ("rec", XYLO), ("ff", LOIHI), ("rec", LOIHI), ("conv", SPECK))


def threads() -> int:
    """Two, where there are two processors."""
    return min(2, len(processors()))


def benches(settings: Settings) -> Iterator[Bench]:
    """Rows with a target, those that differ from them in one thing, and the chips; or the whole grid."""
    if settings.full:
        for topology, overflow, density, samples in product(
            ("ff", "rec", "conv"), ("saturate", "wrap"), (0.01, 0.05, 0.2), (1, 64, 1024)
        ):
            yield bench(settings, topology, GENERIC, overflow, density, samples)
    else:
        for topology in ("ff", "rec", "conv"):
            yield bench(settings, topology, GENERIC, "saturate", 0.05, 64)
        for overflow, density, samples in (("wrap", 0.05, 64), ("saturate", 0.01, 64), ("saturate", 0.2, 64)):
            yield bench(settings, "ff", GENERIC, overflow, density, samples)
        yield bench(settings, "ff", GENERIC, "saturate", 0.05, 1)
    yield bench(settings, "ff", GENERIC, "saturate", 0.05, 64, "dense")
    for topology, name in CHIPS:
        yield bench(settings, topology, name, "saturate", 0.05, 64)


def bench(
    settings: Settings, topology: str, name: str, overflow: str, density: float, samples: int, given: str = "events"
) -> Bench:
    """One network, against PyTorch under generic words, else alone."""
    said = overflow if name == GENERIC else name
    title = f"{topology} {said} {density:.0%} B={samples}{' from dense' if given == 'dense' else ''}"

    def measure() -> Row:
        return _measure(settings, title, (topology, name, overflow, density, samples), given)

    return Bench(title, measure)


def facts(network: bs.Network, events: bs.Raster, trace: bs.Trace, density: float) -> dict[str, object]:
    """What a row says of its run."""
    samples, steps = events.shape[:2]
    return {"rates": networks.rates(network, trace), "density": density, "T": steps, "B": samples}


def _measure(settings: Settings, title: str, case: tuple[str, str, str, float, int], given: str) -> Row:
    topology, name, overflow, density, samples = case
    if installed("torch") is None:
        return Row(title, None, skipped="torch is not installed")
    network = networks.calibrated(topology, name, overflow, density)
    dense = networks.spikes(network.inputs, density, samples, settings.steps, SEED)
    events, count = bs.Raster.of(dense), threads()
    trace = bs.run(network, events, threads=count)
    operations = networks.synaptic_operations(network, events, trace)
    notes = facts(network, events, trace, density)
    del trace
    twin = network if name == GENERIC else networks.calibrated(topology, GENERIC, overflow, density)
    times = interleaved(
        [lambda: bs.run(network, dense if given == "dense" else events, threads=count), torch_loop(twin, dense, count)],
        seconds=settings.seconds,
    )
    notes |= {"synops/s": float(operations / times.median(0)), "theirs is": "torch float32"}
    wanted = TARGETS.get((topology, given)) if (name, density, samples) == (GENERIC, 0.05, 64) else None
    return compared(title, times, count, Target(wanted) if wanted else None, **notes)


def torch_loop(network: bs.Network, dense: np.ndarray, count: int):  # type: ignore[no-untyped-def]
    """The float loop of a network on so many threads; its input is float32 beforehand."""
    import torch

    from .floats import as_floats, loop

    torch.set_num_threads(count)
    return loop(network, as_floats(dense))
