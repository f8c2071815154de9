"""The accumulate kernel and whole networks against the machine's limit, and against the kernel written in C++.

The roof is the lower of two rates of saturating 16-bit adds, both measured on one thread: between registers alone, and
of int8 weights that are loaded and widened, a row for each event. The kernel's own rate, ours and the C++ one's, is
that of the events by which two lists of the same steps differ: what a step costs without events falls out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bitspike as bs
import numpy as np

from . import networks
from .engine import SEED, facts
from .native import kernels
from .networks import GENERIC
from .rows import Bench, Row, Settings, Target
from .timing import Times, interleaved

INPUTS, COLUMNS, SAMPLES = 700, 256, 64
FEW, MANY = 0.05, 0.2  # densities whose difference is the kernel's
ROUNDS = 200_000  # of the adds between registers
KERNEL, NETWORKS, AGAINST = 55, {"ff": 20, "rec": 30}, 80  # per cent


def benches(settings: Settings) -> Iterator[Bench]:
    """The two rates, the kernel, the whole networks."""
    yield Bench("roof: adds between registers", lambda: _rate(settings, "register"))
    yield Bench("roof: adds of loaded int8 weights", lambda: _rate(settings, "loaded"))
    yield Bench("C++ kernel of roof", lambda: _kernel(settings, "C++ kernel of roof", None))
    yield Bench("our kernel of roof", lambda: _kernel(settings, "our kernel of roof", KERNEL))
    yield Bench("our kernel of C++", lambda: _kernel(settings, "our kernel of C++", AGAINST))
    for topology in NETWORKS:
        yield _network(settings, topology)


@dataclass(frozen=True)
class Native:
    """The C++ functions on arrays that stay: weights [INPUTS, COLUMNS], lists of events, accumulators."""

    library: Any
    weights: np.ndarray
    sums: np.ndarray

    @classmethod
    def ready(cls, matrix: np.ndarray) -> Native | str:
        """On these weights, or why there is no C++."""
        library = kernels()
        if isinstance(library, str):
            return library
        rows = np.ascontiguousarray(matrix, np.int8)
        return cls(library, rows, np.zeros(rows.shape[1], np.int16))

    def register_adds(self, rounds: int = ROUNDS) -> int:
        """Saturating adds between registers; returns how many."""
        return int(self.library.register_adds(ctypes.c_int64(rounds), _at(self.sums)))

    def loaded_adds(self, events: np.ndarray, rounds: int = 50) -> int:
        """Adds of the weights of events, which stay in registers; returns how many."""
        count, columns = ctypes.c_int64(len(events)), ctypes.c_int64(self.weights.shape[1])
        parts = (_at(self.weights), columns, _at(events), count, ctypes.c_int64(rounds), _at(self.sums))
        return int(self.library.loaded_adds(*parts))

    def accumulate(self, given: bs.Raster) -> int:
        """The kernel over all steps of all samples; returns how many adds."""
        steps, columns = ctypes.c_int64(len(given.pointers) - 1), ctypes.c_int64(self.weights.shape[1])
        parts = (_at(self.weights), columns, _at(given.pointers), _at(given.index), steps, _at(self.sums))
        return int(self.library.accumulate(*parts))


def _at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def layer() -> bs.Network:
    """One layer that never fires: what it costs beside its events is the same whatever their number."""
    plan = networks.dense(GENERIC, (INPUTS, COLUMNS))
    return plan.network([plan.highest])


def _weights() -> np.ndarray:
    return networks.weights(0, INPUTS, COLUMNS)


def _events(count: int = 2000) -> np.ndarray:
    """Sources of events, ascending in each step as they are in the kernel's lists."""
    given = networks.raster(INPUTS, FEW, 1, -(-count // int(INPUTS * FEW)), SEED)
    return given.index


def _rate(settings: Settings, name: str) -> Row:
    title = {"register": "roof: adds between registers", "loaded": "roof: adds of loaded int8 weights"}[name]
    native = Native.ready(_weights())
    if isinstance(native, str):
        return Row(title, None, unit="G adds/s", skipped=native)
    call = native.register_adds if name == "register" else _loaded(native)
    adds = call()
    times = interleaved([call], seconds=settings.seconds)
    figure = times.figure(adds / times.seconds[0] / 1e9)
    return Row(title, figure, "G adds/s", ours=times.median(0))


def _loaded(native: Native) -> Any:
    events = _events()
    return lambda: native.loaded_adds(events)


def _roof(native: Native, times: Times, register: int, loaded: int) -> np.ndarray:
    """Adds a second in each round, of the two calls that stand last in `times`."""
    return np.minimum(native.register_adds() / times.seconds[register], _loaded(native)() / times.seconds[loaded])


def _kernel(settings: Settings, title: str, target: int | None) -> Row:
    native = Native.ready(_weights())
    if isinstance(native, str):
        return Row(title, None, unit="%", skipped=native)
    network = layer()
    few, many = (networks.raster(INPUTS, density, SAMPLES, settings.steps, SEED) for density in (FEW, MANY))
    calls = [lambda: bs.run(network, few, threads=1), lambda: bs.run(network, many, threads=1)]
    calls += [lambda: native.accumulate(few), lambda: native.accumulate(many)]
    calls += [native.register_adds, _loaded(native)]
    times = interleaved(calls, seconds=settings.seconds)
    adds = (len(many.index) - len(few.index)) * COLUMNS
    ours, theirs = (adds / (times.seconds[k + 1] - times.seconds[k]) for k in (0, 2))
    roof = _roof(native, times, 4, 5)
    share = {"C++ kernel of roof": theirs / roof, "our kernel of roof": ours / roof, "our kernel of C++": ours / theirs}
    rates = {"ours": ours, "C++": theirs, "roof": roof}
    notes = {f"{name} G adds/s": float(np.median(rate) / 1e9) for name, rate in rates.items()}
    notes |= {"density": f"{FEW} and {MANY}", "T": settings.steps, "B": SAMPLES, "layer": f"{INPUTS} to {COLUMNS}"}
    wanted = Target(target) if target else None
    return Row(title, times.figure(100 * share[title]), "%", wanted, times.median(1), times.median(3), 1, notes)


def _network(settings: Settings, topology: str) -> Bench:
    title = f"whole {topology} network of roof"

    def measure() -> Row:
        native = Native.ready(_weights())
        if isinstance(native, str):
            return Row(title, None, unit="%", skipped=native)
        network = networks.calibrated(topology, GENERIC, "saturate", FEW)
        events = networks.raster(network.inputs, FEW, SAMPLES, settings.steps, SEED)
        trace = bs.run(network, events, threads=1)
        notes = facts(network, events, trace, FEW)
        operations = networks.synaptic_operations(network, events, trace)
        times = interleaved(
            [lambda: bs.run(network, events, threads=1), native.register_adds, _loaded(native)],
            seconds=settings.seconds,
        )
        notes |= {"synops/s": operations / times.median(0)}
        share = 100 * operations / times.seconds[0] / _roof(native, times, 1, 2)
        return Row(title, times.figure(share), "%", Target(NETWORKS[topology]), times.median(0), None, 1, notes)

    return Bench(title, measure)
