"""A compiled kernel: steps of one layer for one sample, as LLVM code.

Here are the loops over steps and projections; what happens inside them comes from the datapath's stages
(see `vector`). One sample's registers stay in rows of their own while its steps run.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from .. import ops
from ..ops.code import CACHE_LINE, I64, Code, Row
from ..profile.analysis import held, widest
from ..profile.schema import SPIKES, Profile, storage
from . import vector
from .ahead import Ahead, Joined
from .delivery import Delivery
from .keep import keep_spikes
from .listing import noted
from .signature import PLACE, Signature, arguments
from .turn import turned
from .vector import Neurons, counted


def kernel_code(profile: Profile, signature: Signature) -> str:
    """An LLVM module that defines `kernel`. Raises ValueError where a value could pass 63 bits."""
    bits = widest(profile, signature.neuron).bits
    if bits > 64:
        raise ValueError(f"class '{signature.neuron}' needs {bits} bits; at most 64 are computed")
    code = Code(arguments(profile, signature))
    kernel = _Kernel(code, profile, signature)
    sample = code.argument("sample")
    kernel.begin(sample)
    with code.loop(code.argument("first"), code.argument("last")) as step:
        kernel.expect(sample, step)
        for delivery in kernel.deliveries:
            delivery.deliver(sample, step)
        kernel.update(sample, step)
    kernel.end(sample)
    return code.finish()


def ahead_code(profile: Profile, signature: Signature) -> str:
    """An LLVM module that makes the sums of some steps ahead, as `kernel`, which has the same arguments."""
    code = Code(arguments(profile, signature))
    kernel = _Kernel(code, profile, signature)
    with code.loop(code.argument("first"), code.argument("last")) as step:
        for delivery in kernel.deliveries:
            if isinstance(delivery, Ahead):
                delivery.sum_ahead(code.argument("sample"), step)
    return code.finish()


def kernel_key(profile: Profile, signature: Signature) -> str:
    """Names everything that the code depends on."""
    return f"{generator()}\n{profile.to_json()}\n{signature}"


class _Kernel:
    """The parts of a kernel's loops."""

    def __init__(self, code: Code, profile: Profile, signature: Signature) -> None:
        self.code, self.profile, self.signature = code, profile, signature
        self.neuron = profile.neurons[signature.neuron]
        size, padded = code.argument("size"), code.argument("padded")
        words = {name: storage(self.neuron, name).dtype for name in self.neuron.registers}
        rows = {name: code.row(f"row_{name}", signature.row_type(self.neuron, name)) for name in words}
        self.emptied = dict(signature.emptied)
        given = {**self.neuron.parameters, **self.neuron.derived}
        given = {name: word for name, word in given.items() if name not in signature.zero}
        constants = {**profile.constants, **dict.fromkeys(signature.zero, 0)}
        uniform = {name: code.argument(f"p_{name}") for name in given if name in signature.uniform}
        rows |= {name: code.row(f"p_{name}", word.dtype) for name, word in given.items() if name not in uniform}
        counters = {name: code.slot(I64(0)) for name in counted(self.neuron)}
        ranges = held(profile, self.neuron) | self.emptied
        self.neurons = Neurons(code, self.neuron, ranges, constants, size, padded, rows, counters, uniform)
        self.sent = code.row("sent", storage(self.neuron, SPIKES).dtype)
        self.state = {name: code.row(f"r_{name}", dtype) for name, dtype in words.items()}
        self.recorded = {name: code.row(f"rec_{name}", dtype) for name, dtype in words.items()}
        self.out = code.row("out", self.sent.dtype)
        self.overflows = code.row("overflows", "int64")
        rested, self.deliveries = set(signature.rested), list[Delivery]()
        for k, arrival in enumerate(signature.incoming):
            resting = rested.copy() if arrival.windows or arrival.picture else set()  # others may have several delays
            last = self.deliveries[-1] if self.deliveries else None
            joins = isinstance(last, Ahead) and last.joins(profile, arrival)
            kind = Ahead if arrival.ahead else Joined if joins else Delivery
            each = kind(code, profile, self.neurons, k, arrival, signature.channels_last, resting)
            if isinstance(last, Ahead) and isinstance(each, Joined):
                last.joined, each.before = True, last
            self.deliveries.append(each)
            rested.difference_update(each.registers)

    def begin(self, sample: Any) -> None:
        """Take over a sample's registers, if they are not in their rows since the last call."""
        builder = self.code.builder
        with builder.if_then(self.code.flag("enters")):
            for name, row in self._registers():
                row.clear(self.neurons.padded)
                if name not in self.emptied:
                    with builder.if_then(builder.not_(self.code.flag("begins"))):
                        self._copy(self.state[name].part(self._first(sample)), row, back=True)
        for counter in self.neurons.counters.values():
            counter.set(I64(0))

    def end(self, sample: Any) -> None:
        """Hand a sample's registers back, and what was counted."""
        with self.code.builder.if_then(self.code.flag("leaves")):
            for name, row in self._registers():
                state = self.state[name].part(self._first(sample))
                if name in self.emptied:
                    state.clear(self.neurons.size)
                else:
                    self._copy(row, state)
            keep_spikes(self.code, sample, self.neurons.size, self.out.dtype, self._keep_spikes)
        builder, counters = self.code.builder, self.neurons.counters.values()
        for place, counter in enumerate(counters):
            at = builder.add(builder.mul(sample, I64(len(counters))), I64(place))
            self.overflows.set(at, builder.add(self.overflows.get(at), counter.get()))

    def _keep_spikes(self, kept: Row, first: Any, count: Any) -> None:
        """So many rows of spikes, from one on."""
        builder, size = self.code.builder, self.neurons.size
        kept.copy(self.out.part(builder.mul(first, size)), builder.mul(count, size))

    def _copy(self, source: Row, target: Row, back: bool = False, read: Any = None) -> None:
        """All neurons from the kernel's own order to that of the layer, or back.

        They are turned where the cache holds them: the layer's arrays are far away, and better written in one go.
        read: whether the target is read soon; None: it is.
        """
        code, channels, size = self.code, self.signature.channels_last, self.neurons.size
        if not channels:
            target.copy(source, size)
            return
        near, places = code.row("turned", source.dtype), code.builder.udiv(size, I64(channels))
        if back:
            near.copy(source, size)
            turned(code, near, target, channels, places, back=True)
            return
        turned(code, source, near, channels, places)
        if read is None:
            target.copy(near, size)
            return
        with code.builder.if_else(read) as (soon, later):
            with soon:
                target.copy(near, size)
            with later:
                target.stream(near, size)

    def _registers(self) -> list[tuple[str, Row]]:
        return [(name, self.neurons.rows[name]) for name in self.neuron.registers]

    def _first(self, sample: Any) -> Any:
        return self.code.builder.mul(sample, self.neurons.size)

    def expect(self, sample: Any, step: Any) -> None:
        """Ask for the row that a step's spikes are written to, where weights leave no room for it in the caches.

        Lines that are still on their way from memory would keep the step waiting, or the next one, if it reads them.
        """
        if any(arrival.ahead for arrival in self.signature.incoming):
            row = self._out(sample, step)
            with self.code.loop(I64(0), self.neurons.size, CACHE_LINE // (row.bits // 8)) as first:
                row.prefetch(first, 1, write=True)

    def _out(self, sample: Any, step: Any) -> Row:
        builder, argument = self.code.builder, self.code.argument
        at = builder.add(builder.mul(sample, argument("rows")), builder.add(step, argument("lead")))
        return self.out.part(builder.mul(at, self.neurons.size))

    def update(self, sample: Any, step: Any) -> None:
        """Run the stages, and bring out what is to be kept of the step."""
        code, builder, size = self.code, self.code.builder, self.neurons.size
        aliases = code.row("aliases", "int32") if self.signature.aliases else None
        place = builder.mul(builder.sub(step, code.argument("base")), code.argument("sent_stride"))
        sent = self.sent.part(place)
        if aliases is not None:
            sent.clear(size)
        vector.updated(self.neurons, sent, aliases, code.argument("slots"))
        read = builder.not_(self.code.flag("sent_stride"))  # else from `sent`
        self._copy(sent, self._out(sample, step), read=read)
        if self.signature.noted:
            self._note(sent, step)
        at = builder.mul(builder.add(builder.mul(sample, code.argument("steps")), step), size)
        for name, row in self._registers():
            with builder.if_then(self.code.flag(f"rec_{name}")):
                recorded = self.recorded[name].part(at)
                if name in self.emptied:
                    recorded.clear(size)
                else:
                    self._copy(row, recorded)

    def _note(self, sent: Row, step: Any) -> None:
        """List who spiked in a step, behind the lists of the steps before it."""
        code, builder = self.code, self.code.builder
        places, at = code.row("noted_at", "int64"), builder.sub(step, code.argument("base"))
        last = places.part(builder.mul(builder.sub(at, I64(1)), I64(PLACE)))
        begin = code.slot(I64(0))
        with builder.if_then(builder.icmp_signed(">", at, I64(0)), likely=True):
            begin.set(builder.add(last.get(I64(0)), last.get(I64(1))))
        found = noted(code, sent, self.neurons.size, code.row("noted", "int32").part(begin.get()))
        for number, value in enumerate((begin.get(), found)):
            places.part(builder.mul(at, I64(PLACE))).set(I64(number), value)


@cache
def generator() -> str:
    """A digest of the code that turns a profile into instructions."""
    package, digest = Path(str(ops.__file__)).parents[1], hashlib.sha256()
    for folder in (package, *(package / name for name in ("ops", "datapath", "profile", "engine"))):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
