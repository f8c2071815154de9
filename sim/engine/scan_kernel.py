"""Machine code for training: all steps of a layer's neurons from what arrived, and the derivatives backwards.

Both kernels come from the datapath's stages. The forward one keeps every register after each step; the backward one
computes a step again from the registers before it and applies the chain rule to it, the last step first. A layer's
last vector of neurons overlaps the one before it, so nothing is added up in memory: what two vectors compute is equal.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ..datapath import SUM, deliver_sum
from ..ops.base import Registers, Repeated
from ..ops.code import I32, I64, Code, Row, Slot
from ..ops.interval import Interval
from ..ops.lane_arithmetic import Lanes, lane_bits
from ..ops.lanes import REFUSED, LaneOps
from ..ops.tape import TapeOps, Traced, Vector
from ..profile.analysis import held
from ..profile.rest import ranges_at_rest, remembered
from ..profile.schema import SPIKES, Profile, storage
from ..word import Overflow
from .kernel import generator
from .scan import Arriving, Scan, arguments, sloped

EXACT = {"float32": 24, "float64": 53}  # bits of the integers that each float holds


def scan_key(profile: Profile, scan: Scan, backward: bool) -> str:
    """Names everything that the code depends on."""
    return f"{generator()}\n{profile.to_json()}\n{scan}\n{backward}"


def scan_code(profile: Profile, scan: Scan, backward: bool) -> str:
    """An LLVM module that defines `kernel`."""
    code = Code(arguments(profile, scan, backward))
    (_Backward if backward else _Forward)(code, profile, scan).emit()
    return code.finish()


class _Kernel:
    """What both kernels share: the loops over samples and vectors of neurons, and one step."""

    def __init__(self, code: Code, profile: Profile, scan: Scan) -> None:
        self.code, self.builder, self.profile, self.scan = code, code.builder, profile, scan
        self.neuron = profile.neurons[scan.neuron]
        self.size, self.steps = code.argument("size"), code.argument("steps")
        resting = ranges_at_rest(profile, self.neuron)
        self.spans, self.kept = {**held(profile, self.neuron), **resting}, remembered(resting)
        self.bits = 32 if scan.real == "float32" else 64
        self.real = ir.FloatType() if self.bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.real, scan.lanes)
        self.counters = {REFUSED: code.slot(I64(0))}
        self.zero = ir.Constant(self.vector, [0.0] * scan.lanes)

    def emit(self) -> None:
        """All samples, and of each all neurons."""
        code, builder, lanes = self.code, self.builder, self.scan.lanes
        end = builder.sub(self.size, I64(lanes))
        with code.loop(code.argument("first"), code.argument("last")) as sample:
            row = builder.mul(sample, self.size)
            with code.loop(I64(0), self.size, lanes) as place:
                place = builder.select(builder.icmp_signed("<", place, end), place, end)
                self.run(sample, place, builder.add(row, place))
        self.finish()

    def run(self, sample: Any, place: Any, at: Any) -> None:
        """All steps of a vector of neurons; at: its place in [sample, size]."""
        raise NotImplementedError

    def finish(self) -> None:
        """After all samples."""

    def place_of(self, sample: Any, step: Any, place: Any) -> Any:
        """A place in [sample, step, size]."""
        row = self.builder.add(self.builder.mul(sample, self.steps), step)
        return self.builder.add(self.builder.mul(row, self.size), place)

    def floats(self, name: str, at: Any) -> Vector:
        """Floats from memory."""
        row = self.code.row(name, f"int{self.bits}")
        loaded = row.load(at, self.scan.lanes)
        self.ask_for_next(row, at)
        return self.builder.bitcast(loaded, self.vector)

    def store(self, name: str, at: Any, vector: Vector) -> None:
        """Floats to memory."""
        whole = ir.VectorType(ir.IntType(self.bits), self.scan.lanes)
        row: Row = self.code.row(name, f"int{self.bits}")
        row.store(at, self.builder.bitcast(vector, whole), self.scan.lanes)
        self.ask_for_next(row, at)

    def ask_for_next(self, row: Row, at: Any) -> None:
        """The next vector of neurons in this step, which is wanted after all steps of this one: a quarter faster."""
        row.prefetch(self.builder.add(at, I64(self.scan.lanes)), self.scan.lanes)

    def whole(self, ops: LaneOps, vector: Vector, span: Interval) -> Lanes:
        """Floats that are integers, as such."""
        integers = self.builder.fptosi(vector, ir.VectorType(ir.IntType(self.bits), self.scan.lanes))
        return ops.load(integers, span)

    def lane_ops(self) -> LaneOps:
        """Integers of a vector of neurons."""
        return LaneOps(self.code, self.scan.lanes, self.counters, self.spans)

    def parameters(self, ops: TapeOps, place: Any) -> dict[str, Traced]:
        """Parameters, derived values and the profile's; a derivative is wanted of those that are trained."""
        values = {name: ops.constant(value) for name, value in self.profile.constants.items()}
        for name, word in {**self.neuron.parameters, **self.neuron.derived}.items():
            row = self.code.row(f"p_{name}", word.dtype)
            lanes = ops.lanes.load(row.load(place, self.scan.lanes), self.spans[name], row.signed)
            values[name] = ops.leaf(lanes) if name in self.scan.trained else Traced(lanes)
        return values

    def registers(self, ops: TapeOps, start: dict[str, Vector]) -> dict[str, Traced]:
        """Registers by their values before a step."""
        values = {name: ops.constant(0) for name in self.neuron.registers}
        return values | {name: ops.leaf(Lanes(start[name], self.spans[name])) for name in self.kept}

    def step(self, ops: TapeOps, values: dict[str, Traced], at: Any) -> tuple[Registers, list[Traced]]:
        """What arrives, then every stage. Returns the registers, and what arrived."""
        regs = Registers(ops, self.neuron.registers, values)
        arrived = []
        for k, arriving in enumerate(self.scan.arriving):
            most = (1 << EXACT[self.scan.real]) - 1
            total = ops.leaf(self.whole(ops.lanes, self.floats(f"a{k}", at), Interval(-most, most)))
            arrived.append(total)
            self.deliver(ops, regs, k, arriving, total, at)
        regs.values[SPIKES] = ops.constant(0)
        for stage in self.neuron.stages:
            stage.run(regs)
        return regs, arrived

    def deliver(self, ops: TapeOps, regs: Registers, k: int, arriving: Arriving, total: Traced, at: Any) -> None:
        """A step's arrivals into one register: as one write, or as a sum that cannot overflow on the way."""
        word, summed = regs.words[arriving.register], self.profile.connections[arriving.via].sum
        if summed is not None:
            own = {name: ops.constant(value) for name, value in arriving.values}
            inner = Registers(ops, {**regs.words, SUM: summed.word}, {**regs.values, **own, SUM: total})
            inner.write(SUM, total)
            for item in summed.then:
                item.stage.run(inner)
            deliver_sum(inner, arriving.register)
            regs.values[arriving.register] = inner[arriving.register]
            return
        start = regs[arriving.register]
        if arriving.checked:
            self.check(ops, k, start, Interval(word.min, word.max), at)
        added = ops.add(start, total)
        if word.overflow is Overflow.WRAP:
            regs.write(arriving.register, added)
            return
        span = Interval(word.min, word.max)
        narrow = Lanes(ops.lanes.at(added.lanes, lane_bits(span)), span)
        regs.values[arriving.register] = Traced(narrow, added.place)

    def check(self, ops: TapeOps, k: int, start: Traced, word: Interval, at: Any) -> None:
        """Forward: note where an overflow on the way is possible."""

    def start(self, ops: LaneOps, at: Any) -> dict[str, Vector]:
        """Registers before the first step."""
        found = {}
        for name in self.kept:
            span = self.spans[name]
            zero = ir.Constant(ops.type(lane_bits(span)), [0] * self.scan.lanes)
            found[name] = self.whole(ops, self.floats(f"s_{name}", at), span).vector if self.scan.started else zero
        return found


class _Forward(_Kernel):
    def __init__(self, code: Code, profile: Profile, scan: Scan) -> None:
        super().__init__(code, profile, scan)
        self.unsure = code.slot(ir.Constant(ir.VectorType(ir.IntType(1), scan.lanes), [0] * scan.lanes))

    def run(self, sample: Any, place: Any, at: Any) -> None:
        """The steps in order."""
        first = self.lane_ops()
        slots = {name: self.code.slot(vector) for name, vector in self.start(first, at).items()}
        with self.code.loop(I64(0), self.steps) as step:
            now = self.place_of(sample, step, place)
            lanes, places = self.lane_ops(), iter(range(1 << 16))

            def decided(_: Repeated, u: Traced, threshold: Traced) -> None:
                j = next(places)
                if self.scan.tabulated[j]:
                    return
                self.store(f"u{j}", now, ops.as_real(u.lanes))
                if sloped(self.neuron)[j].moving:
                    self.store(f"t{j}", now, ops.as_real(threshold.lanes))

            ops = TapeOps(lanes, self.real, decided, self.scan.reset_share, observes=True)
            start = {name: slot.get() for name, slot in slots.items()}
            regs, _ = self.step(ops, {**self.parameters(ops, place), **self.registers(ops, start)}, now)
            lanes.count()
            self.store("out", now, ops.as_real(regs[SPIKES].lanes))
            for name in self.scan.recorded:
                self.store(f"k_{name}", now, ops.as_real(regs[name].lanes))
            for name, slot in slots.items():
                after = lanes.at(regs[name].lanes, lane_bits(self.spans[name]))
                slot.set(after)
                self.code.row(f"r_{name}", storage(self.neuron, name).dtype).store(now, after, self.scan.lanes)
        if self.scan.started:
            for name, slot in slots.items():
                self.store(f"e_{name}", at, self.builder.sitofp(slot.get(), self.vector))

    def check(self, ops: TapeOps, k: int, start: Traced, word: Interval, at: Any) -> None:
        """Whether the start and the bounds of the partial sums leave the word anywhere."""
        most = (1 << EXACT[self.scan.real]) - 1
        for name, relation, end in ((f"low{k}", "<", word.lo), (f"high{k}", ">", word.hi)):
            bound = self.whole(ops.lanes, self.floats(name, at), Interval(-most, most))
            furthest, limit = ops.lanes.add(start.lanes, bound), ops.lanes.constant(end)
            bits = lane_bits(furthest.span.join(limit.span))
            beyond = self.builder.icmp_signed(relation, ops.lanes.at(furthest, bits), ops.lanes.at(limit, bits))
            self.unsure.set(self.builder.or_(self.unsure.get(), beyond))

    def finish(self) -> None:
        """Say whether the result counts; where it does, nothing is written, as threads share the counter."""
        failed, unsure = self.code.row("failed", "int64"), self.lane_ops().any(self.unsure.get())
        count = self.builder.add(self.counters[REFUSED].get(), self.builder.zext(unsure, I64))
        with self.builder.if_then(self.builder.icmp_signed("!=", count, I64(0))):
            failed.set(I64(0), count)


class _Backward(_Kernel):
    def run(self, sample: Any, place: Any, at: Any) -> None:
        """The steps, the last one first."""
        first = self.start(self.lane_ops(), at)
        names = [f"r_{name}" for name in self.kept] + [f"p_{name}" for name in self.scan.trained]
        slots = {name: self.code.slot(self.zero) for name in names}
        if self.scan.started:
            for name in self.kept:
                slots[f"r_{name}"].set(self.floats(f"ge_{name}", at))
        with self.code.loop(I64(0), self.steps) as late:
            step = self.builder.sub(self.builder.sub(self.steps, I64(1)), late)
            self.back(sample, step, place, first, slots)
        for name in self.scan.trained:
            self.store(f"gp_{name}", at, slots[f"p_{name}"].get())
        if self.scan.started:
            for name in self.kept:
                self.store(f"gs_{name}", at, slots[f"r_{name}"].get())

    def back(self, sample: Any, step: Any, place: Any, first: dict[str, Vector], slots: dict[str, Slot]) -> None:
        """One step again, then its derivatives."""
        now, places = self.place_of(sample, step, place), iter(range(1 << 16))

        def decided(_: Repeated, u: Traced, threshold: Traced) -> Vector:
            j = next(places)
            return self.looked_up(ops.lanes, j, u.lanes, place) if self.scan.tabulated[j] else self.floats(f"g{j}", now)

        ops = TapeOps(self.lane_ops(), self.real, decided, self.scan.reset_share, observes=False)
        parameters = self.parameters(ops, place)
        before = self.registers(ops, self.before(ops.lanes, sample, step, place, first))
        regs, arrived = self.step(ops, {**parameters, **before}, now)
        adjoints: dict[int, Vector] = {}
        self.seed(ops, adjoints, regs[SPIKES], self.floats("g_out", now))
        for name in self.kept:
            self.seed(ops, adjoints, regs[name], slots[f"r_{name}"].get())
        for name in self.scan.recorded:
            self.seed(ops, adjoints, regs[name], self.floats(f"gk_{name}", now))
        ops.reverse(adjoints)
        for k, total in enumerate(arrived):
            self.store(f"ga{k}", now, self.found(adjoints, total))
        for name in self.kept:
            slots[f"r_{name}"].set(self.found(adjoints, before[name]))
        for name in self.scan.trained:
            slot = slots[f"p_{name}"]
            slot.set(self.builder.fadd(slot.get(), self.found(adjoints, parameters[name])))

    def looked_up(self, ops: LaneOps, j: int, u: Lanes, place: Any) -> Vector:
        """The slopes of a decision, from its table."""
        builder, lanes = self.builder, self.scan.lanes
        word, table = sloped(self.neuron)[j].word, self.code.row(f"table{j}", f"int{self.bits}")
        inside = ops.maximum(ops.minimum(u, ops.constant(word.max)), ops.constant(word.min))
        code = ops.at(ops.sub(inside, ops.constant(word.min)), 32)
        index = builder.add(self.code.row(f"row{j}", "int32").load(place, lanes), code)
        found = ir.Constant(ir.VectorType(ir.IntType(self.bits), lanes), ir.Undefined)
        for lane in range(lanes):
            at = builder.zext(builder.extract_element(index, I32(lane)), I64)
            found = builder.insert_element(found, builder.load(builder.gep(table.data, [at])), I32(lane))
        return builder.bitcast(found, self.vector)

    def before(self, ops: LaneOps, sample: Any, step: Any, place: Any, first: dict[str, Vector]) -> dict[str, Vector]:
        """Registers before a step: those after the one before it."""
        begins = self.builder.icmp_signed("==", step, I64(0))
        earlier = self.builder.select(begins, I64(0), self.builder.sub(step, I64(1)))
        at, found = self.place_of(sample, earlier, place), {}
        for name in self.kept:
            row = self.code.row(f"r_{name}", storage(self.neuron, name).dtype)
            loaded = ops.load(row.load(at, self.scan.lanes), self.spans[name], row.signed).vector
            found[name] = self.builder.select(begins, first[name], loaded)
        return found

    def seed(self, ops: TapeOps, adjoints: dict[int, Vector], value: Traced, vector: Vector) -> None:
        """The derivative by what a step leaves."""
        if value.place is not None:
            ops.collect(adjoints, value.place, vector)

    def found(self, adjoints: dict[int, Vector], value: Traced) -> Vector:
        """The derivative by what a step starts from."""
        return self.zero if value.place is None else adjoints.get(value.place, self.zero)
