"""How time grows with threads, steps, samples and events, from profile to profile, and to a million neurons."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import bitspike as bs
import numpy as np

from . import cores, networks
from .engine import CHIPS, SEED, facts
from .networks import GENERIC
from .roofline import COLUMNS, ROUNDS, Native
from .rows import Bench, Row, Settings, Target, compared
from .timing import Call, Figure, interleaved, processors

DENSITY, SAMPLES = 0.05, 64
SHARED = 1024  # samples that two threads share: waking one that rests takes up to a millisecond, in a virtual machine
LINEAR = Target(1.1, at_least=False)  # of an exponent: at most linear, but for what noise adds
NARROW, WIDE = 3, 6  # times generic's time a synaptic operation, of profiles of 16 bits and of wider ones
MEMORY = 8  # GiB
LONGEST = 600  # seconds of the run of a million neurons


def benches(settings: Settings) -> Iterator[Bench]:
    """Threads, three exponents, profiles, event-driven cores, a million neurons."""
    yield Bench(ALONE, lambda: _alone(settings))
    for topology in ("ff", "rec", *(("conv",) if settings.full else ())):
        yield _threads(settings, topology)
    yield _exponent(settings, "steps", [settings.steps * k for k in (1, 2, 4, 8)], _of_steps)
    yield _exponent(settings, "samples", [16, 32, 64, 128], _of_samples)
    yield _exponent(settings, "events", [0.05, 0.1, 0.2, 0.4], _of_events)
    for topology, name in CHIPS:
        yield _profile(settings, topology, name)
    yield from cores.benches(settings)
    if settings.full or settings.only:  # it takes minutes
        yield Bench(MILLION, lambda: _million(settings))


ALONE = "the machine's own adds, two threads of one"
LONG = 50  # times as many adds as for the roof: see SHARED


def _alone(settings: Settings) -> Row:
    """What two threads gain where nothing is shared but the processor: adds between registers, in C++.

    Where two virtual processors are threads of one core, this says so, and bounds what any kernel gains.
    """
    if len(processors()) < 2:
        return Row(ALONE, None, skipped="one processor")
    natives = [Native.ready(np.zeros((1, COLUMNS))) for _ in range(2)]
    ready = [native for native in natives if isinstance(native, Native)]
    if len(ready) < 2:
        return Row(ALONE, None, skipped=str(natives[0]))
    adds = partial(Native.register_adds, rounds=LONG * ROUNDS)
    with ThreadPoolExecutor(2) as pool:
        calls: list[Call] = [lambda: list(pool.map(adds, ready)), lambda: [adds(native) for native in ready]]
        return compared(ALONE, interleaved(calls, seconds=settings.seconds), 2)


def _threads(settings: Settings, topology: str) -> Bench:
    title = f"{topology} B={SHARED}, two threads of one"

    def measure() -> Row:
        if len(processors()) < 2:
            return Row(title, None, skipped="one processor")
        network, events = _case(settings, topology, GENERIC, SHARED)
        notes = facts(network, events, bs.run(network, events, threads=2), DENSITY)
        calls = [lambda: bs.run(network, events, threads=2), lambda: bs.run(network, events, threads=1)]
        return compared(title, interleaved(calls, seconds=settings.seconds), 2, Target(1.8), **notes)

    return Bench(title, measure)


def _case(settings: Settings, topology: str, name: str, samples: int = SAMPLES) -> tuple[bs.Network, bs.Raster]:
    network = networks.calibrated(topology, name, "saturate", DENSITY)
    return network, networks.raster(network.inputs, DENSITY, samples, settings.steps, SEED)


Point = tuple[bs.Network, bs.Raster, float]


def _of_steps(settings: Settings, steps: int) -> Point:
    network = networks.calibrated("ff", GENERIC, "saturate", DENSITY)
    return network, networks.raster(network.inputs, DENSITY, 16, steps, SEED), steps


def _of_samples(settings: Settings, samples: int) -> Point:
    network = networks.calibrated("ff", GENERIC, "saturate", DENSITY)
    return network, networks.raster(network.inputs, DENSITY, samples, settings.steps, SEED), samples


def _of_events(settings: Settings, density: float) -> Point:
    """One layer that never fires, so that there are no events but the input's."""
    plan = networks.dense(GENERIC, (1024, 1024))
    events = networks.raster(1024, density, 16, settings.steps, SEED)
    return plan.network([plan.highest]), events, float(len(events.index))


def _exponent(settings: Settings, name: str, values: Sequence[Any], point: Callable[[Settings, Any], Point]) -> Bench:
    title = f"time over {name}, exponent"

    def measure() -> Row:
        points = [point(settings, value) for value in values]
        calls = [partial(bs.run, network, events, threads=1) for network, events, _ in points]
        times = interleaved(calls, seconds=settings.seconds)
        sizes = [size for _, _, size in points]
        slopes = np.array([slope(sizes, column) for column in times.seconds.T])
        notes = {f"{name} {size:,.0f}": f"{times.median(k) * 1e3:.3g} ms" for k, size in enumerate(sizes)}
        return Row(title, times.figure(slopes), "", LINEAR, times.median(-1), None, 1, notes)

    return Bench(title, measure)


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent that fits best: of a straight line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _profile(settings: Settings, topology: str, name: str) -> Bench:
    title = f"{topology} {name}, a synop, over generic's"

    def measure() -> Row:
        cases = [_case(settings, topology, GENERIC), _case(settings, topology, name)]
        traces = [bs.run(network, events, threads=1) for network, events in cases]
        counts = [networks.synaptic_operations(*case, trace) for case, trace in zip(cases, traces, strict=True)]
        notes = facts(*cases[1], traces[1], DENSITY)
        del traces
        calls = [partial(bs.run, *case, threads=1) for case in cases]
        times = interleaved(calls, seconds=settings.seconds)
        generic, other = (times.seconds[k] / counts[k] for k in range(2))
        bits = widest(networks.profile_of(name))
        notes |= {
            "synops/s": counts[1] / times.median(1),
            "generic synops/s": counts[0] / times.median(0),
            "bits": bits,
        }
        wanted = Target(NARROW if bits <= 16 else WIDE, at_least=False)
        return Row(title, times.figure(other / generic), "x", wanted, times.median(1), times.median(0), 1, notes)

    return Bench(title, measure)


def widest(profile: bs.Profile) -> int:
    """Bits of the widest register of a profile's neurons."""
    return max(word.bits for neuron in profile.neurons.values() for word in neuron.registers.values())


MILLION = "1,000,000 neurons, fan-in 100, GiB"


def _million(settings: Settings) -> Row:
    """In a process of its own, whose peak memory is known."""
    command = [sys.executable, str(Path(__file__).with_name("million.py")), str(settings.steps)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return Row(MILLION, None, unit="GiB", skipped=f"longer than {LONGEST} s")
    if said.returncode:
        reason = (said.stderr.strip().splitlines() or [f"exit status {said.returncode}"])[-1]
        return Row(MILLION, None, unit="GiB", skipped=reason)
    found = json.loads(said.stdout)
    figure, seconds = Figure(found.pop("GiB"), 0.0), found.pop("seconds")
    return Row(MILLION, figure, "GiB", Target(MEMORY, at_least=False), seconds, None, found.pop("threads"), found)
