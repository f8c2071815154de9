"""A stage under LaneOps, compiled: one case at a time, and whole vectors of cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from bitspike.engine.cache import Kernel, linked, object_code
from bitspike.engine.vector import LANES, Neurons
from bitspike.ops.code import I64, Code, Row
from bitspike.ops.lane_arithmetic import lane_bits
from bitspike.ops.lanes import REFUSED
from bitspike.profile.schema import holding
from interpreters import Cases, Experiment, Table

PLACE, SIZE = "place", "size"


class Outcome(NamedTuple):
    """What lanes leave behind: values [case, written register], and counts [vector, written register and REFUSED]."""

    values: Table
    counts: Table


def counted(experiment: Experiment) -> list[str]:
    """What is counted: the overflows of every written register, and refused writes last."""
    return [*experiment.written, REFUSED]


def by_lanes(experiment: Experiment, cases: Cases) -> tuple[Outcome, Outcome]:
    """One case after the other, and vector by vector; what fills the last vector up repeats the first cases."""
    size = len(next(iter(cases.values())))
    behind = -size % LANES
    arrays = {f"in_{name}": np.pad(values, (0, behind), "wrap") for name, values in cases.items()}
    types = _types(experiment, cases)
    arrays |= {name: np.zeros(size + behind, np.int64) for name in types if name not in arrays}
    arrays = {name: array.astype(types[name]) for name, array in arrays.items()}
    arguments = {PLACE: 0, SIZE: size} | {name: array.ctypes.data for name, array in arrays.items()}
    kernel = _compiled(_module(experiment, types))[0]
    _run(kernel, np.array([arguments[name] for name in (PLACE, SIZE, *types)]), size)
    single, whole = (_outcome(experiment, arrays, size, lanes) for lanes in (1, LANES))
    return single, whole


def _types(experiment: Experiment, names: Iterable[str]) -> dict[str, str]:
    """The arrays of a kernel: what it reads in the narrowest type, as an engine stores it, and what it writes."""
    types = {f"in_{name}": holding(*experiment.ranges[name]).dtype for name in names}
    held = experiment.held
    for lanes in (1, LANES):
        for name in experiment.written:  # `spikes` and a count have no word
            types[f"out{lanes}_{name}"] = f"int{lane_bits(held[name])}" if name in held else "int64"
        types |= {f"count{lanes}_{name}": "int64" for name in counted(experiment)}
    return types


def _outcome(experiment: Experiment, arrays: Mapping[str, Table], size: int, lanes: int) -> Outcome:
    values = [arrays[f"out{lanes}_{name}"][:size].astype(np.int64) for name in experiment.written]
    counts = [arrays[f"count{lanes}_{name}"][: -(-size // lanes)] for name in counted(experiment)]
    return Outcome(np.stack(values, axis=1), np.stack(counts, axis=1))


def _run(kernel: Kernel, arguments: Table, size: int) -> None:
    address = arguments.ctypes.data
    for place in range(size):
        arguments[0] = place
        kernel(address)


def _module(experiment: Experiment, types: Mapping[str, str]) -> str:
    """A kernel for the case at `place`, and, where a vector begins there, for the vector."""
    code = Code([PLACE, SIZE, *types])
    place, size = code.argument(PLACE), code.argument(SIZE)
    rows = {name: code.row(name, dtype) for name, dtype in types.items()}
    read = {name.removeprefix("in_"): row for name, row in rows.items() if name.startswith("in_")}
    counters = {name: code.slot(I64(0)) for name in counted(experiment)}
    cases: Any = experiment  # has what a class of neurons has: `registers`
    neurons = Neurons(code, cases, experiment.ranges, {}, size, size, read, counters, {})
    _stage(experiment, neurons, rows, place, 1)
    begins = code.builder.icmp_signed("==", code.builder.urem(place, I64(LANES)), I64(0))
    with code.builder.if_then(begins):
        _stage(experiment, neurons, rows, place, LANES)
    return code.finish()


def _stage(experiment: Experiment, neurons: Neurons, rows: Mapping[str, Row], place: Any, lanes: int) -> None:
    """Run the stage on the cases from `place` on."""
    code = neurons.code
    for counter in neurons.counters.values():
        counter.set(I64(0))
    ops = replace(neurons, held=experiment.held).ops(place, lanes)
    regs = neurons.registers(ops, place)
    experiment.stage.run(regs)
    ops.count()
    for name in experiment.written:
        row = rows[f"out{lanes}_{name}"]
        row.store(place, ops.at(regs[name], row.bits), lanes)
    for name, counter in neurons.counters.items():
        rows[f"count{lanes}_{name}"].set(code.builder.udiv(place, I64(lanes)), counter.get())


@lru_cache(maxsize=4096)
def _compiled(source: str) -> tuple[Kernel, Any]:
    return linked(object_code(source))
