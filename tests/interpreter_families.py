"""The families of experiments by name, and every kind of stage at the ends of wide words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, product
from typing import Any

import interpreter_arithmetic
import interpreter_cases
from bitspike.datapath import SPIKES, SUM, Add, Clip, Decay, Divide, Fire, Scale, Set, Shift, Shrink
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.interval import Interval
from bitspike.word import MAX_BITS, Overflow, Word
from interpreter_cases import fires
from interpreters import Cases, Deliver, DeliverSum, Experiment, cases_of, span, widest

Family = Callable[[], Iterator[Experiment]]


def _families() -> dict[str, Family]:
    families: dict[str, Family] = {"clip count": interpreter_cases.clipped_counts}
    makers = interpreter_cases.MAKERS | interpreter_arithmetic.MAKERS
    for overflow, (name, maker) in product(Overflow, makers.items()):
        families[f"{name}, {overflow}"] = lambda m=maker, o=overflow: m(o)  # type: ignore[misc]
    for overflow in interpreter_arithmetic.RANGED:
        families[f"narrower range, {overflow}"] = lambda o=overflow: interpreter_arithmetic.ranged(o)  # type: ignore[misc]
    return families


FAMILIES = _families()


def boundary_values(word: Word) -> list[int]:
    """The ends of a word, zero, and powers of two, each with its neighbours."""
    middles = {0, word.min, word.max, 1 << (word.bits // 2), -(1 << (word.bits // 2)), 1 << max(0, word.bits - 2)}
    near = {middle + step for middle in middles for step in (-1, 0, 1)}
    return sorted(value for value in near if value in word)


def boundary_experiments(bits: int, overflow: Overflow) -> Iterator[tuple[Experiment, Cases]]:
    """Every kind of stage on wide words, at the values where arithmetic goes wrong; but what 63 bits do not hold."""
    for signed, other in product((True, False), repeat=2):
        own, operand = Word(bits, signed, overflow), Word(bits, other)
        for experiment, cases in chain(_boundary_writes(own, operand), _boundary_arithmetic(own, operand)):
            if widest(experiment).bits <= MAX_BITS:
                yield experiment, cases


def _boundary_writes(own: Word, operand: Word) -> Iterator[tuple[Experiment, Cases]]:
    """The stages that add, shift, decay and fire, and a delivery."""
    bits, count = own.bits, Word(8, True)
    shift, far = Interval(0, _room(bits)), sorted({0, 1, bits - 1, bits, min(bits + 1, 63), 62, 63})
    states, values = {"membrane": boundary_values(own)}, {"a": boundary_values(operand)}
    words, bound = {"membrane": own}, {"a": span(operand)}
    counted = {"count": boundary_values(count), "weight": values["a"]}
    yield (
        Experiment(Deliver("membrane"), words, {"count": span(count), "weight": span(operand)}),
        cases_of(states | counted),
    )
    for terms in (("a", "-a", "-a"), ("a",), ("-a",)):
        yield Experiment(Add(into="membrane", terms=terms), words, bound), cases_of(states | values)
    yield Experiment(Set(into="membrane", value="a"), words, bound), cases_of(states | values)
    shifts = {"by": sorted({0, 1, shift.hi})}
    yield Experiment(Shift(into="membrane", by="by"), words, {"by": shift}), cases_of(states | shifts)
    for rounding, least in product(Rounding, (0, 1)):
        result = "remaining" if (rounding is Rounding.FLOOR) == (least == 0) else "minus_amount"
        keys: dict[str, Any] = {"kind": "shift", "rounding": rounding, "least": least, "result": result}
        decay = Decay(into="membrane", of="membrane", by="by", **keys)
        yield Experiment(decay, words, {"by": Interval(0, 63)}), cases_of(states | {"by": far})
    started = {SPIKES: Interval(0, 1)}
    for place, relation in enumerate(Relation):
        reset = Add(into="membrane", terms=("-threshold",))
        fire = Fire(branches=(fires(("membrane", relation, "threshold"), 1, (1, 3)[place % 2], reset),))
        cases = cases_of({**states, "threshold": values["a"], SPIKES: (0, 1)})
        yield Experiment(fire, words, {"threshold": span(operand), **started}), cases


def _room(bits: int) -> int:
    """How many more bits than a word's, and less than as many again, are still held."""
    return max(1, min(bits - 1, MAX_BITS - 1 - bits))


def _boundary_arithmetic(own: Word, operand: Word) -> Iterator[tuple[Experiment, Cases]]:
    """The stages that multiply, divide, clip and shrink."""
    words, states = {"membrane": own}, {"membrane": boundary_values(own)}
    bound, values = {"a": span(operand)}, {"a": boundary_values(operand)}
    fixed = {"membrane": [own.max]}
    factor = Word(_room(own.bits), operand.signed)
    for rounding in Rounding:
        scale = Scale(into="membrane", of="a", factor="b", shift=7, rounding=rounding)
        yield (
            Experiment(scale, words, {**bound, "b": span(factor)}),
            cases_of({**fixed, **values, "b": boundary_values(factor)}),
        )
    clip = Clip(into="membrane", low="a", high="b")
    yield (
        Experiment(clip, words, {**bound, "b": span(own)}),
        cases_of({**states, **values, "b": (own.min, own.max // 2, own.max)}),
    )
    positive = Interval(1, operand.max)
    divisors = {"by": [value for value in values["a"] if value > 0]}
    yield (
        Experiment(Divide(into="membrane", of="-a", by="by"), words, {**bound, "by": positive}),
        cases_of({**fixed, **values, **divisors}),
    )
    yield Experiment(Shrink(into="membrane", by="by"), words, {"by": positive}), cases_of(states | divisors)
    far, near = -63, _room(own.bits)
    distances = {"by": sorted({far, -own.bits, 1 - own.bits, -1, 0, 1, near})}
    for rounding in Rounding:
        shift_either_way = Shift(into="membrane", by="by", rounding=rounding)
        yield Experiment(shift_either_way, words, {"by": Interval(far, near)}), cases_of(states | distances)
    within = replace(own, low=own.min + 1, high=own.max - 1) if own.overflow is not Overflow.WRAP else own
    yield Experiment(Set(into="membrane", value="a", word=within), words, bound), cases_of(fixed | values)
    arriving = {"count": Interval(-1, 3), "weight": span(operand), SUM: Interval(-1, 0)}
    summed = {"membrane": own, SUM: Word(min(own.bits + 1, MAX_BITS), True, own.overflow)}
    at_once = DeliverSum("membrane", (Scale(into=SUM, of=SUM, factor=3, shift=1, rounding=Rounding.FLOOR),))
    tried = {**states, SUM: [-1], "count": (-1, 3), "weight": values["a"]}
    yield Experiment(at_once, summed, arriving), cases_of(tried)
