"""The kernels of a run, called one after the other from machine code.

Each thread takes the next sample that none has taken, and runs all its layers and steps. From Python a call costs as
much as a step of a small layer, and threads that return to it wait for one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import addressof, c_int64
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np

from ..ops.code import I64, Code, Row
from .cache import Kernel, address, compiled
from .kernel import generator
from .prepare import Arguments
from .signature import BLOCK
from .threads import in_threads

_NAMES = ("most", "taken", "samples", "steps", "block", "groups", "bounds", "layers")
_PORTION = 1 << 24  # neurons times steps, after which a run can be stopped

Layers = Sequence[tuple[int, Arguments]]
"""Where every layer's kernel begins in memory, and its arguments for one thread, but for BLOCK."""


@dataclass(frozen=True)
class Schedule:
    """What is done for each of so many samples, which have so many steps.

    groups: how many layers each has; those of one wait for each other's last step, and are run a step at a time. block:
    so many steps of all groups are run together. neurons: of all layers.
    """

    samples: int
    steps: int
    groups: Sequence[int]
    block: int
    neurons: int

    @property
    def portion(self) -> int:
        """How many samples a thread takes before it returns to Python."""
        return max(1, _PORTION // (self.neurons * self.steps))


def run_samples(schedule: Schedule, threads: Sequence[Layers]) -> None:
    """Run all samples, each on one of the threads."""
    kernel, taken = _kernel(), np.zeros(1, np.int64)
    bounds = _integers(0, *accumulate(schedule.groups))
    tables = [
        _integers(*(number for start, values in layers for number in (start, addressof(values)))) for layers in threads
    ]
    fixed = address(taken), schedule.samples, schedule.steps, schedule.block, len(schedule.groups), addressof(bounds)
    own = [_integers(schedule.portion, *fixed, addressof(table)) for table in tables]

    def run(thread: int) -> None:
        try:
            while taken[0] < schedule.samples:
                kernel(addressof(own[thread]))
        except BaseException:
            taken[0] = schedule.samples  # the others begin no other sample
            raise

    in_threads(run, range(len(threads)))


def _integers(*values: int) -> Arguments:
    return (c_int64 * len(values))(*values)


@cache
def _kernel() -> Kernel:
    return compiled(f"{generator()}\nschedule", _code)


def _code() -> str:
    """Takes samples that are left, `most` at most, and runs all groups for each: see `Schedule`.

    bounds: [groups + 1], the first layer of each group. layers: [layer, 2], see `Layers`.
    """
    code = Code(_NAMES)
    builder, left = code.builder, code.slot(code.argument("most"))
    with code.while_(lambda: builder.icmp_signed(">", left.get(), I64(0))):
        sample = builder.atomic_rmw("add", code.row("taken", "int64").data, I64(1), "monotonic")
        left.add(I64(-1))
        with builder.if_else(builder.icmp_signed("<", sample, code.argument("samples"))) as (one, none):
            with one:
                _sample(code, sample)
            with none:
                left.set(I64(0))
    return code.finish()


def _sample(code: Code, sample: Any) -> None:
    """Run all steps of all layers, block by block."""
    builder, bounds = code.builder, code.row("bounds", "int64")
    steps, block = code.argument("steps"), code.argument("block")
    with code.loop(I64(0), steps, block) as base:
        end = builder.add(base, block)
        end = builder.select(builder.icmp_signed("<", end, steps), end, steps)
        with code.loop(I64(0), code.argument("groups")) as group:
            layers = bounds.get(group), bounds.get(builder.add(group, I64(1)))
            alone = builder.icmp_signed("==", builder.sub(layers[1], layers[0]), I64(1))
            together = builder.select(alone, builder.sub(end, base), I64(1))
            with code.loop(base, end, together) as first, code.loop(*layers) as layer:
                last = builder.add(first, together)
                _call(code, layer, {"sample": sample, "first": first, "last": last, "base": base})


def _call(code: Code, layer: Any, block: dict[str, Any]) -> None:
    """Run some steps of a layer; its registers stay in the kernel's rows from the first step to the last."""
    builder, layers, at = code.builder, code.row("layers", "int64"), code.builder.mul(layer, I64(2))
    kernel, values = layers.get(at), builder.inttoptr(layers.get(builder.add(at, I64(1))), I64.as_pointer())
    for name, step, end in (("enters", "first", I64(0)), ("leaves", "last", code.argument("steps"))):
        block[name] = builder.zext(builder.icmp_signed("==", block[step], end), I64)
    for place, name in enumerate(BLOCK):
        Row(code, values, "int64").set(I64(place), block[name])
    builder.call(builder.inttoptr(kernel, builder.function.type), [values])
