"""The kernels of a run, called one after the other from machine code.

Each thread takes the next samples that none has taken, and runs all their layers and steps. From Python a call costs as
much as a step of a small layer, and threads that return to it wait for one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..ops.code import I64, Code, Row
from . import memory
from .cache import Kernel, address, compiled
from .host import x86
from .kernel import generator
from .signature import BLOCK
from .threads import in_threads

_OF_PLAN = ("steps", "block", "abreast", "groups", "bounds", "kernels", "count", "own", "room")
_NAMES = ("most", "progress", "samples", "shares", "memory", "arguments", *_OF_PLAN)
_PATIENCE = 1 << 12  # pauses, a few tenths of a millisecond of Intel's processors
_PORTION = 1 << 24  # neurons times steps, after which a run can be stopped


@dataclass(frozen=True)
class Plan:
    """How kernels are called for every sample of runs of so many steps.

    block: how many steps are run together. abreast: how many samples a thread takes at most; each kernel runs a block
    of one after the other. neurons: of all layers. bounds: the first kernel of each group, and how many there are;
    those of a group wait for each other's last step, and are run a step at a time.

    kernels: [kernel, 2], where each begins in memory, and which of the `arguments` are its own, from BLOCK on, which
    is written here. arguments: whole cache lines; those at `given` differ from run to run. own: 1 for those that are
    places in `room` bytes of memory, which a thread has for each sample that it runs abreast; else 0.
    """

    steps: int
    block: int
    abreast: int
    neurons: int
    bounds: NDArray[np.int64]
    kernels: NDArray[np.int64]
    arguments: NDArray[np.int64]
    given: NDArray[np.int64]
    own: NDArray[np.int64]
    room: int

    @property
    def portion(self) -> int:
        """How often a thread takes samples before it returns to Python."""
        return max(1, _PORTION // (self.neurons * self.steps * self.abreast))


def run_samples(plan: Plan, arguments: NDArray[np.int64], samples: int, threads: int) -> None:
    """Run all samples, each on one of the threads. arguments: the plan's, with those of the run."""
    kernel, progress = _kernel(), np.zeros(2, np.int64)  # samples that were taken, and those that are done
    own = memory.empty((threads, plan.abreast * (arguments.nbytes + plan.room)), np.dtype(np.uint8))
    shares = 2 * threads if threads > 1 else 1  # of what is left: a slower thread ends not long after others
    of_run = [plan.portion, address(progress), samples, shares]
    of_plan = [plan.steps, plan.block, plan.abreast, len(plan.bounds) - 1, address(plan.bounds), address(plan.kernels)]
    of_plan += [len(arguments), address(plan.own), plan.room]
    calls = [np.array([*of_run, address(each), address(arguments), *of_plan], np.int64) for each in own]

    def run(call: NDArray[np.int64], _alive: Any = (plan, arguments, own)) -> None:  # for a thread that begins late
        try:
            while progress[0] < samples:
                kernel(address(call))
        except BaseException:
            progress[0] = samples  # the others begin no other sample
            raise

    in_threads(run, calls, done=lambda: bool(progress[1] == samples))


@cache
def _kernel() -> Kernel:
    return compiled(f"{generator()}\nschedule", _code)


def _code() -> str:
    """Takes samples that are left, `most` times at most, and runs all groups for them: see `Plan`.

    shares: into how many the samples that are left are split, each `abreast` at most, one at least. groups, count: how
    many `bounds` there are but one, and `arguments`.
    """
    code = Code(_NAMES)
    _place_arguments(code)
    builder, times, progress = code.builder, code.slot(code.argument("most")), code.row("progress", "int64")
    taken, done = (progress.part(I64(place)).data for place in range(2))
    with code.while_(lambda: builder.icmp_signed(">", times.get(), I64(0))):
        times.add(I64(-1))
        left = builder.sub(code.argument("samples"), builder.load_atomic(taken, "monotonic", 8))
        share = _lesser(builder, builder.sdiv(left, code.argument("shares")), code.argument("abreast"))
        share = builder.select(builder.icmp_signed(">", share, I64(1)), share, I64(1))
        first = builder.atomic_rmw("add", taken, share, "monotonic")  # others may have taken some since
        left = builder.sub(code.argument("samples"), first)
        with builder.if_else(builder.icmp_signed(">", left, I64(0))) as (some, none):
            with some:
                count = _lesser(builder, left, share)
                _samples(code, first, count)
                builder.atomic_rmw("add", done, count, "release")
            with none:
                _wait(code, done)
                times.set(I64(0))
    return code.finish()


def _wait(code: Code, done: Any) -> None:
    """Until all samples are done, for a while: a thread that sleeps until another ends is woken late."""
    builder, patience = code.builder, code.slot(I64(_PATIENCE))

    def waits() -> Any:
        left = builder.icmp_signed("<", builder.load_atomic(done, "acquire", 8), code.argument("samples"))
        return builder.and_(left, builder.icmp_signed(">", patience.get(), I64(0)))

    with code.while_(waits):
        patience.add(I64(-1))
        if x86():
            kind = ir.FunctionType(ir.VoidType(), ())
            builder.call(code.module.declare_intrinsic("llvm.x86.sse2.pause", (), kind), ())


def _place_arguments(code: Code) -> None:
    """Bring the arguments to the memory of every sample that is run abreast, behind which its room lies."""
    builder, arguments, own = code.builder, code.row("arguments", "int64"), code.row("own", "int64")
    with code.loop(I64(0), code.argument("abreast")) as place:
        into = _arguments(code, place)
        room = builder.ptrtoint(into.part(code.argument("count")).data, I64)
        with code.loop(I64(0), code.argument("count")) as number:
            inside = builder.mul(own.get(number), room)
            into.set(number, builder.add(arguments.get(number), inside))


def _arguments(code: Code, place: Any) -> Row:
    """Those of one of the samples that are run abreast."""
    builder = code.builder
    each = builder.add(builder.mul(code.argument("count"), I64(8)), code.argument("room"))
    first = builder.gep(code.row("memory", "int8").data, [builder.mul(place, each)])
    return Row(code, builder.bitcast(first, I64.as_pointer()), "int64")


def _lesser(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def _samples(code: Code, sample: Any, count: Any) -> None:
    """Run all steps of all layers for so many samples from one on, block by block."""
    builder, bounds = code.builder, code.row("bounds", "int64")
    steps, block = code.argument("steps"), code.argument("block")
    with code.loop(I64(0), steps, block) as base:
        end = _lesser(builder, builder.add(base, block), steps)
        with code.loop(I64(0), code.argument("groups")) as group:
            layers = bounds.get(group), bounds.get(builder.add(group, I64(1)))
            alone = builder.icmp_signed("==", builder.sub(layers[1], layers[0]), I64(1))
            together = builder.select(alone, builder.sub(end, base), I64(1))
            with (
                code.loop(base, end, together) as first,
                code.loop(*layers) as layer,
                code.loop(I64(0), count) as place,
            ):
                steps_ = {"first": first, "last": builder.add(first, together), "base": base}
                _call(code, place, layer, {"sample": builder.add(sample, place), **steps_})


def _call(code: Code, place: Any, layer: Any, block: dict[str, Any]) -> None:
    """Run some steps of a layer; its registers stay in the kernel's rows from the first step to the last."""
    builder, kernels, at = code.builder, code.row("kernels", "int64"), code.builder.mul(layer, I64(2))
    kernel, values = kernels.get(at), _arguments(code, place).part(kernels.get(builder.add(at, I64(1))))
    for name, step, end in (("enters", "first", I64(0)), ("leaves", "last", code.argument("steps"))):
        block[name] = builder.zext(builder.icmp_signed("==", block[step], end), I64)
    for number, name in enumerate(BLOCK):
        values.set(I64(number), block[name])
    builder.call(builder.inttoptr(kernel, builder.function.type), [values.data])
