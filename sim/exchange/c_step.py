"""A clocked network as C: a function a layer, and the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..datapath import SPIKES, SUM, clip_count, deliver, deliver_sum, relayed
from ..engine.wiring import Incoming, Layer, reach_back, wire
from ..network import Network
from ..network.lists import Listed
from ..ops.c import COps
from ..ops.interval import Interval
from ..ops.source import SourceRegisters, Term
from ..profile.analysis import emitted, held
from ..profile.schema import INPUT
from .c_parts import Arrays, Source, lines_of, member, value_of


class StepSource(Source):
    """Both files of a network under `clock: step`."""

    def __init__(self, network: Network, name: str) -> None:
        super().__init__(network, name)
        self.layers = [layer for group in wire(network) for layer in group]
        self.rows = {name: back + 1 for name, back in reach_back(network).items()}
        sums = [layer.size for layer in self.layers if any(i.sum for i in layer.incoming)]
        self.sums = max(sums, default=0)
        self.functions = [text for number, layer in enumerate(self.layers) for text in self._layer(number, layer)]
        self.keep_used(self.functions)

    def members(self) -> Arrays:
        """Arrays of the state, by population: name, type, shape."""
        found: Arrays = {}
        found[INPUT] = [(SPIKES, self.network.input_word.dtype, (self.rows[INPUT], self.network.inputs))]
        for layer in self.layers:
            found[layer.name] = [(r, layer.dtypes[r], (layer.size,)) for r in layer.neuron.registers]
            found[layer.name].append((SPIKES, layer.dtypes[SPIKES], (self.rows[layer.name], layer.size)))
        return found

    def other_bytes(self) -> int:
        """Bytes of the row numbers and of the sums."""
        return 4 * len(self.rows) + 8 * self.sums

    def most(self) -> tuple[int, int]:
        """A step in which every source spikes."""
        found = (w for layer in self.layers for incoming in layer.incoming for _, w in incoming.synapses)
        sizes = (np.size(weights.weights if isinstance(weights, Listed) else weights) for weights in found)
        return sum(sizes), sum(layer.size for layer in self.layers)

    def header(self) -> str:
        """The state, and the functions."""
        name = self.name
        lines = [*self.opened(), "/* Spikes are rows of steps; row `row` is the last step's. */"]
        lines += ["typedef struct {"]
        for population, arrays in self.members().items():
            lines.append("    struct {")
            for each, dtype, shape in arrays:
                lines.append(f"        {dtype}_t {member(each)}{''.join(f'[{size}]' for size in shape)};")
            lines += ["        uint32_t row;", f"    }} {member(population)};"]
        lines += [f"    int64_t sums[{self.sums}];"] if self.sums else []
        counts = f"const {self.network.input_word.dtype}_t *input"
        lines += [f"}} {name}_state;", "", f"/* What {name}_step returns. */"]
        lines += [f"enum {{ {name}_done = 0, {name}_refused = 1, {name}_bad_input = 2 }};", ""]
        lines += ["/* Every register 0 and no spike on its way. */", f"void {name}_reset({name}_state *state);", ""]
        lines += [f"/* One time step of {self.network.inputs} input counts; after 'refused' the state is void. */"]
        lines += [f"int {name}_step({name}_state *state, {counts});", "", "#endif", ""]
        return "\n".join(lines)

    def code(self) -> str:
        """Tables, a function a layer, and the step."""
        name, word = self.name, self.network.input_word
        lines = [*self.begun(), *self.functions, *self.reset()]
        lines += [f"int {name}_step({name}_state *state, const {word.dtype}_t *input) {{"]
        lines += ["    int refused = 0;", "    uint32_t at;"]
        whole = np.iinfo(word.dtype)
        tests = [f"input[at] < {COps({}).literal(word.min, 64)}"] if word.min > whole.min else []
        tests += [f"input[at] > {COps({}).literal(word.max, 64)}"] if word.max < whole.max else []
        if tests:
            lines.append(f"    for (at = 0; at < {self.network.inputs}; at++)")
            lines.append(f"        if ({' || '.join(tests)}) return {name}_bad_input;")
        for population, rows in self.rows.items():
            lines.append(f"    state->{member(population)}.row = (state->{member(population)}.row + 1) % {rows};")
        lines.append(f"    for (at = 0; at < {self.network.inputs}; at++)")
        lines.append(f"        state->{member(INPUT)}.spikes[state->{member(INPUT)}.row][at] = input[at];")
        lines += [f"    refused |= layer_{number}(state);" for number in range(len(self.layers))]
        lines += [f"    return refused ? {name}_refused : {name}_done;", "}", ""]
        return "\n".join(lines)

    def _layer(self, number: int, layer: Layer) -> Iterator[str]:
        yield f"/* layer {layer.name} */"
        yield f"static int layer_{number}({self.name}_state *state) {{"
        yield "    int refused = 0;"
        yield "    uint32_t n;"
        for incoming in layer.incoming:
            yield from (f"    {line}" for line in self._incoming(layer, incoming))
        yield from (f"    {line}" for line in self._update(layer))
        yield from ("    return refused;", "}", "")

    def _incoming(self, layer: Layer, incoming: Incoming) -> Iterator[str]:
        profile, source = self.network.profile, member(incoming.source)
        yield f"/* {incoming.source} over {incoming.via}, after {incoming.lag} steps */"
        for register, weights in incoming.synapses:
            yield "{"
            rows = self.rows[incoming.source]
            yield f"    const uint32_t row = (state->{source}.row + {rows - incoming.lag}) % {rows};"
            yield "    uint32_t source;"
            if incoming.sum is not None:
                yield f"    for (n = 0; n < {layer.size}; n++) state->sums[n] = 0;"
            ops = COps({})
            count = ops.given(
                "spikes", f"state->{source}.spikes[row][source]", emitted(profile, profile.connections[incoming.via])
            )
            acting = clip_count(ops, count, incoming.cap)
            pre = self.network.size(incoming.source)
            yield f"    for (source = 0; source < {pre}; source++) {{"
            yield from (f"        {line}" for line in lines_of(ops, [f"if ({value_of(ops, acting)} == 0) continue;"]))
            yield from (f"        {line}" for line in self._synapses(ops, layer, incoming, register, weights, acting))
            yield "    }"
            if incoming.sum is not None:
                yield f"    for (n = 0; n < {layer.size}; n++) {{"
                yield from (f"        {line}" for line in self._settle(layer, incoming, register))
                yield "    }"
            yield "}"

    def _synapses(
        self, outer: COps, layer: Layer, incoming: Incoming, register: str, weights: Any, acting: Term
    ) -> Iterator[str]:
        """A loop over the targets of one source."""
        what = f"{incoming.source} to {layer.name} over {incoming.via}, into {register}, after {incoming.lag} steps"
        values = weights.weights if isinstance(weights, Listed) else np.asarray(weights)
        table = self.table(f"weights: {what}", values)
        span = Interval(int(values.min(initial=0)), int(values.max(initial=0)))
        if isinstance(weights, Listed):
            first = self.table(f"where the synapses of each source begin: {what}", weights.pointers)
            to = self.table(f"targets: {what}", weights.targets)
            yield "uint32_t synapse;"
            yield f"for (synapse = {first}[source]; synapse < (uint32_t){first}[source + 1]; synapse++) {{"
            yield f"    n = {to}[synapse];"
            weight = f"{table}[synapse]"
        else:
            yield f"for (n = 0; n < {layer.size}; n++) {{"
            weight = f"{table}[source * {layer.size} + n]"
        ops = COps({})
        ops._count = outer._count
        if incoming.sum is not None:
            arriving = ops.mul(acting, ops.given("weight", weight, span))
            yield from (f"    {line}" for line in lines_of(ops, [f"state->sums[n] += {value_of(ops, arriving)};"]))
        else:
            held_by = held(self.network.profile, layer.neuron)
            own = ops.given(register, f"state->{member(layer.name)}.{member(register)}[n]", held_by[register])
            regs = SourceRegisters(ops, layer.neuron.registers, {register: own})
            deliver(regs, register, acting, ops.given("weight", weight, span))
            before = {name: own for name in layer.neuron.registers}
            after = {**before, register: regs[register]}
            yield from (f"    {line}" for line in lines_of(ops, self.stores(layer, ops, after, before)))
        yield "}"

    def _settle(self, layer: Layer, incoming: Incoming, register: str) -> list[str]:
        assert incoming.sum is not None
        ops = COps(held(self.network.profile, layer.neuron))
        start = self.neuron(ops, layer)
        values: dict[str, Any] = {**start, **{name: ops.constant(v) for name, v in incoming.values.items()}}
        values[SUM] = ops.constant(0)
        regs = SourceRegisters(ops, {**layer.neuron.registers, SUM: incoming.sum.word}, values)
        regs.write(SUM, ops.given(SUM, "state->sums[n]", Interval(-(1 << 62), (1 << 62) - 1)))
        for item in incoming.sum.then:
            item.stage.run(regs)
        deliver_sum(regs, register)
        return lines_of(ops, self.stores(layer, ops, {**start, register: regs[register]}, start))

    def _update(self, layer: Layer) -> Iterator[str]:
        ops, relay = COps(held(self.network.profile, layer.neuron)), layer.neuron.relay
        copies = relay is not None and layer.aliases is not None
        values: dict[str, Any] = self.neuron(ops, layer)
        row = f"state->{member(layer.name)}.spikes[state->{member(layer.name)}.row]"
        start = dict(values)
        values[SPIKES] = ops.constant(0)
        if copies and relay is not None:
            yield f"for (n = 0; n < {layer.size}; n++) {row}[n] = 0;"
            values[SPIKES] = ops.given(SPIKES, f"{row}[n]", Interval(0, relay.cap))
        regs = SourceRegisters(ops, layer.neuron.registers, values)
        for item in layer.neuron.step:
            ops.note(item.stage.key)
            item.stage.run(regs)
        dtype, spikes = layer.dtypes[SPIKES], regs[SPIKES]
        stores = [f"{row}[n] = ({dtype}_t){value_of(ops, spikes)};"]
        if copies and relay is not None and layer.aliases is not None:
            inner = COps({})
            inner._count = ops._count
            received = inner.given("received", f"{row}[to]", Interval(0, relay.cap))
            total = relayed(inner, received, spikes, relay.cap)
            slots, table = layer.aliases.shape[1], self.table(f"aliases of {layer.name}", layer.aliases)
            stores += [f"for (uint32_t slot = 0; slot < {slots}; slot++) {{"]
            stores += [f"    const int32_t to = {table}[n * {slots} + slot];", "    if (to >= 0) {"]
            stores += [
                f"        {line}" for line in lines_of(inner, [f"{row}[to] = ({dtype}_t){value_of(inner, total)};"])
            ]
            stores += ["    }", "}"]
        registers = self.stores(layer, ops, regs.values, start)
        yield f"for (n = 0; n < {layer.size}; n++) {{"
        yield from (f"    {line}" for line in lines_of(ops, [*registers, *stores]))
        yield "}"
