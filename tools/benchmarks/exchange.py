"""From a NIR graph of 138 neurons to SystemVerilog: a file read, quantized, its circuits and memory images written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bitspike as bs
import nir
import numpy as np

from .rows import Bench, Row, Settings, Target
from .timing import interleaved

SIZES = {"generic-w8-v16": (64, 128, 10), "xylo-audio-2": (16, 130, 8)}  # inputs, and 138 neurons in two layers
DT = 1e-3
TARGET = 0.3  # seconds
FORMAT = "systemverilog"


def benches(settings: Settings) -> Iterator[Bench]:
    """One row a profile."""
    for name in SIZES:
        yield _bench(settings, name)


def graph(profile: str) -> nir.NIRGraph:
    """Two layers of spiking neurons; those of Xylo have a current of their own."""
    rng, nodes = np.random.default_rng(21), {}
    inputs, *layers = SIZES[profile]
    for number, (before, size) in enumerate(pairwise((inputs, *layers))):
        nodes[f"weights{number}"] = nir.Linear(rng.normal(0, 1, (size, before)) / np.sqrt(before) * 3)
        nodes[f"neurons{number}"] = _neurons(profile, size)
    ends = {"input": nir.Input(np.array([inputs])), "output": nir.Output(np.array([layers[-1]]))}
    return nir.NIRGraph({**ends, **nodes}, list(pairwise(["input", *nodes, "output"])))


def _neurons(profile: str, size: int) -> Any:
    tau, zero, one = np.full(size, 10 * DT), np.zeros(size), np.ones(size)
    same = {"v_leak": zero, "v_threshold": one, "v_reset": zero}
    if profile == "generic-w8-v16":
        return nir.LIF(tau=tau, r=tau / DT, **same)
    return nir.CubaLIF(tau_syn=tau / 2, tau_mem=tau, r=tau / DT, w_in=tau / 2 / DT, **same)


def convert(file: Path, profile: str, folder: Path) -> list[str]:
    """What is timed: all of it, the profile's own YAML included."""
    made = bs.import_nir(file, profile, reset="subtract", dt=DT)
    return bs.export(made.network, folder, format=FORMAT)


def _bench(settings: Settings, profile: str) -> Bench:
    title = f"NIR, 138 neurons, to {FORMAT}, {profile}"

    def measure() -> Row:
        with TemporaryDirectory() as name:
            folder = Path(name)
            nir.write(folder / "graph.nir", graph(profile))
            files = convert(folder / "graph.nir", profile, folder / "rtl")
            call = lambda: convert(folder / "graph.nir", profile, folder / "rtl")  # noqa: E731
            times = interleaved([call], seconds=settings.seconds)
        figure = times.figure(times.seconds[0])
        target = Target(TARGET, at_least=False)
        return Row(title, figure, "s", target, times.median(0), None, 1, {"files": len(files)})

    return Bench(title, measure)
