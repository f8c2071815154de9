"""The spikes that may still act after a run: its last rows, which a state keeps. Those of the input have a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.code import I64, Code, Row
from .signature import BLOCK, SENT

GIVEN = ("s", "rows", "lead", "index", "acting", "graded", "last_spikes", "past_spikes")
"""The arguments of the input's kernel that differ from run to run."""
NAMES = (*BLOCK, *SENT, *GIVEN, "inputs")

Bring = Callable[[Row, Any, Any], None]


def keep_spikes(code: Code, sample: Any, size: Any, dtype: str, bring: Bring) -> None:
    """A sample's last spikes, by `bring(target, first row, how many rows)`. See `arguments` of a kernel."""
    builder, lead = code.builder, code.argument("lead")
    end = builder.mul(builder.add(sample, I64(1)), code.argument("rows"))
    for name, first, count in (("last_spikes", I64(1), I64(1)), ("past_spikes", lead, builder.sub(lead, I64(1)))):
        with builder.if_then(code.flag(name)):
            kept = code.row(name, dtype).part(builder.mul(sample, builder.mul(count, size)))
            bring(kept, builder.sub(end, first), count)


def input_code(dtype: str, raster: str) -> str:
    """An LLVM module whose kernel keeps a sample's input. raster: the type of its channels, if it is one.

    `s` are the spikes [sample, row, input], or the pointers of a raster; the others are as those of a layer's kernel.
    """
    code = Code(NAMES)
    builder, inputs = code.builder, code.argument("inputs")

    def copy(kept: Row, first: Any, count: Any) -> None:
        spikes = code.row("s", dtype).part(builder.mul(first, inputs))
        kept.copy(spikes, builder.mul(count, inputs))

    def spread(kept: Row, first: Any, count: Any) -> None:
        pointers, index, acting = code.row("s", "int64"), code.row("index", raster), code.row("acting", "int64")
        kept.clear(builder.mul(count, inputs))
        with code.loop(I64(0), count) as step:
            row, at = kept.part(builder.mul(step, inputs)), builder.add(first, step)
            with code.loop(pointers.get(at), pointers.get(builder.add(at, I64(1)))) as event:
                known = builder.select(code.flag("graded"), event, I64(0))
                row.set(index.get(event), acting.get(known))

    with builder.if_then(code.flag("leaves")):
        keep_spikes(code, code.argument("sample"), inputs, dtype, spread if raster else copy)
    return code.finish()
