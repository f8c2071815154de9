"""An event-clocked core as C: a function a kind of event, one that enters an event, and one that follows the queue.

No call returns more spikes than there are neurons, whatever the queue holds: the caller asks for what follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.event_core import NO_NEURON, Kind, core_of, leaving, update
from ..network import Network
from ..ops.base import Registers, Relation
from ..ops.c import COps
from ..ops.interval import Interval
from ..ops.lines import identifiers
from ..ops.source import SourceRegisters
from ..profile.analysis import held, spans
from ..profile.schema import holding
from ..word import Word
from .c_parts import Arrays, Source, lines_of, member


class EventSource(Source):
    """Both files of a network under `clock: event`."""

    def __init__(self, network: Network, name: str) -> None:
        super().__init__(network, name)
        self.core = core_of(network)
        self.fields = {name: word for kind in self.core.kinds for name, word in kind.event.fields.items()}
        self.waits = holding(0, self.core.layer.size - 1).dtype
        self.functions = [text for number, kind in enumerate(self.core.kinds) for text in self._kind(number, kind)]
        self.keep_used(self.functions)

    def members(self) -> Arrays:
        """The core's registers."""
        layer = self.core.layer
        return {layer.name: [(r, layer.dtypes[r], (layer.size,)) for r in layer.neuron.registers]}

    def other_bytes(self) -> int:
        """Bytes of the queue and of its four counters."""
        queue = self.core.queue
        return 0 if queue is None else 4 * 4 + queue.depth * np.dtype(self.waits).itemsize

    def most(self) -> tuple[int, int]:
        """The event that reaches most neurons."""
        kinds = ((1 if kind.last == NO_NEURON else kind.last + 1, len(kind.synapses)) for kind in self.core.kinds)
        return max((reached * synapses, reached) for reached, synapses in kinds)

    def header(self) -> str:
        """The state, the event, and the functions."""
        name, layer, queue = self.name, self.core.layer, self.core.queue
        lines = [*self.opened(), "typedef struct {", "    struct {"]
        for register, dtype, (size,) in self.members()[layer.name]:
            lines.append(f"        {dtype}_t {member(register)}[{size}];")
        lines.append(f"    }} {member(layer.name)};")
        if queue is not None:
            lines.append(f"    {self.waits}_t queue[{queue.depth}]; /* neurons whose spikes wait, from `head` on */")
            lines.append("    uint32_t head, waiting;")
            lines.append("    uint32_t followed; /* queued events since the last one entered */")
            lines.append("    uint32_t dropped;  /* spikes that found the queue full, since the reset */")
        lines += [f"}} {name}_state;", ""]
        lines += ["/* An event; what its kind does not carry is not read. */", "typedef struct {"]
        kinds = ", ".join(f"{name}_kind_{kind.name} = {k}" for k, kind in enumerate(self.core.kinds))
        lines += [f"    enum {{ {kinds} }} kind;", "    int32_t source, neuron;"]
        lines += [f"    int{_width(word)}_t field_{field}; /* {word} */" for field, word in self.fields.items()]
        lines += [f"}} {name}_input;", "", "/* What a call returns where it is not a count of spikes. */"]
        codes = ("refused", "bad_input", "busy", "never_idle")
        lines.append(f"enum {{ {', '.join(f'{name}_{code} = {-1 - at}' for at, code in enumerate(codes))} }};")
        lines += [f"enum {{ {name}_neurons = {layer.size} }};", "", "/* Every register 0 and nothing in the queue. */"]
        lines += [f"void {name}_reset({name}_state *state);", ""]
        lines.append("/* Process one event. Returns how many spikes left the core: their neurons, in order, are in")
        lines.append(
            f"   `spikes`, which has room for {layer.size}. After 'refused' the state is void, after 'bad_input'"
        )
        lines.append("   and 'busy' as it was. */")
        lines += [f"int32_t {name}_event({name}_state *state, const {name}_input *event, int32_t *spikes);", ""]
        if queue is not None:
            lines.append(
                "/* Process the head of the queue likewise: call it while state->waiting is not 0, as no event"
            )
            lines.append(
                f"   enters before ('busy'). After {queue.limit} calls the core is given up ('never_idle'). */"
            )
            lines += [f"int32_t {name}_follow({name}_state *state, int32_t *spikes);", ""]
        return "\n".join([*lines, "#endif", ""])

    def code(self) -> str:
        """Tables, the queue, a function a kind, and the entry of an event."""
        lines = [*self.begun(), *self._push(), *self.functions, *self.reset(), *self._enter(), *self._follow()]
        return "\n".join(lines)

    def _push(self) -> Iterator[str]:
        if self.core.queue is None or "push" not in identifiers("\n".join(self.functions)):
            return
        depth = self.core.queue.depth
        yield "/* A spike waits, or is dropped; `held` slots are taken by the event that is processed. */"
        yield f"static void push({self.name}_state *state, uint32_t n, uint32_t held) {{"
        yield f"    if (state->waiting + held < {depth}) {{"
        yield f"        state->queue[(state->head + state->waiting) % {depth}] = ({self.waits}_t)n;"
        yield "        state->waiting++;"
        yield from ("    } else {", "        state->dropped++;", "    }", "}", "")

    def _kind(self, number: int, kind: Kind) -> Iterator[str]:
        """The function that brings an event of a kind to its neurons."""
        body = self._update(kind)
        text = "\n".join([*body, "event->" if kind.last == NO_NEURON else ""])
        takes = f"{self.name}_state *state, const {self.name}_input *event, int32_t *spikes"
        yield f"/* event {kind.name} */"
        yield f"static int32_t kind_{number}({takes}) {{"
        if "push(state, n, held)" in text:
            yield "    const uint32_t held = state->followed == 0;"
        yield from ("    int refused = 0;", "    int32_t left = 0;", "    uint32_t n;")
        if kind.last == NO_NEURON:
            yield from ("    n = (uint32_t)event->neuron;", "    {")
        else:
            yield f"    for (n = 0; n < {kind.last + 1}; n++) {{"
        yield from (f"        {line}" for line in body)
        yield "    }"
        uses = {"state": "state->", "event": "event->", "spikes": "spikes[left"}
        yield from (f"    (void){name};" for name, use in uses.items() if use not in text)
        yield from (f"    return refused ? {self.name}_refused : left;", "}", "")

    def _update(self, kind: Kind) -> list[str]:
        """What an event does to neuron n."""
        layer, neuron = self.core.layer, self.core.layer.neuron
        ops = COps(held(self.network.profile, neuron))
        start: dict[str, Any] = self.neuron(ops, layer)
        for name, word in kind.event.fields.items():
            start[name] = ops.given(name, f"event->field_{name}", spans(word))
        arriving = []
        for register, weights in kind.synapses:
            what = f"weights over {kind.event.over}, into {register}: of each source, of each neuron"
            weight = f"{self.table(what, weights)}[event->source * {layer.size} + (int32_t)n]"
            span = Interval(int(weights.min(initial=0)), int(weights.max(initial=0)))
            arriving.append((register, ops.given("weight", weight, span)))
        regs = SourceRegisters(ops, neuron.registers, dict(start))
        update(regs, kind.event, arriving, neuron, _Notes(ops))
        leaves = ops.compare(leaving(regs, neuron), Relation.NE, ops.constant(0))
        stores = self.stores(layer, ops, regs.values, start)
        if leaves.can.true:
            stores += [f"if ({leaves.name or 1}) {{", "    spikes[left++] = (int32_t)n;"]
            if self.core.queue is not None:
                stores.append(f"    push(state, n, {'held' if self.core.held(kind) else 0});")
            stores.append("}")
        return lines_of(ops, stores)

    def _enter(self) -> Iterator[str]:
        """An event from outside: what it carries is checked."""
        name, size = self.name, self.core.layer.size
        yield f"int32_t {name}_event({name}_state *state, const {name}_input *event, int32_t *spikes) {{"
        if self.core.queue is not None:
            yield f"    if (state->waiting != 0) return {name}_busy;"
            yield "    state->followed = 0;"
        yield "    switch ((int)event->kind) {"
        for number, kind in enumerate(self.core.kinds):
            yield f"    case {number}:"
            for address in kind.event.addresses:
                yield f"        if (event->{address} < 0 || event->{address} >= {size}) return {name}_bad_input;"
            for field, word in kind.event.fields.items():
                if word.bits < 64:
                    least, most = (COps({}).literal(end, _width(word)) for end in (word.min, word.max))
                    wrong = f"event->field_{field} < {least} || event->field_{field} > {most}"
                    yield f"        if ({wrong}) return {name}_bad_input;"
            yield f"        return kind_{number}(state, event, spikes);"
        yield from ("    default:", f"        return {name}_bad_input;", "    }", "}", "")

    def _follow(self) -> Iterator[str]:
        """The head of the queue as an event."""
        queue, name = self.core.queue, self.name
        if queue is None:
            return
        pop = [f"    state->head = (state->head + 1) % {queue.depth};", "    state->waiting--;"]
        yield f"int32_t {name}_follow({name}_state *state, int32_t *spikes) {{"
        yield f"    {name}_input event = {{{name}_kind_{self.core.kinds[self.core.requeued].name}}};"
        yield "    int32_t left;"
        yield "    if (state->waiting == 0) return 0;"
        yield f"    if (state->followed == {queue.limit}) return {name}_never_idle;"
        yield "    state->followed++;"
        yield "    event.source = (int32_t)state->queue[state->head];"
        yield from [] if queue.head_keeps_slot else pop
        yield f"    left = kind_{self.core.requeued}(state, &event, spikes);"
        yield from pop if queue.head_keeps_slot else []
        yield from ("    return left;", "}", "")


class _Notes:
    """Comments that name the stages of an update."""

    def __init__(self, ops: COps) -> None:
        self.ops = ops

    def arriving(self, regs: Registers, weight: Any) -> None:
        """The weight's write needs no comment."""

    def stage(self, stage: Any, regs: Registers) -> None:
        """The stage's key."""
        self.ops.note(stage.key)


def _width(word: Word) -> int:
    """Bits of a field's type: one in which its range can be checked."""
    return 32 if word.bits < 32 else 64
