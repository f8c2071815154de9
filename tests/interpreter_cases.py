"""Every stage in every variant, over all combinations of narrow words: what the interpreters are proved on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from bitspike.datapath import ANY, NONZERO, SPIKES, Add, Branch, Decay, Fire, Set, Shift
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.interval import Interval
from bitspike.word import Overflow, Word
from interpreters import ClipCount, Deliver, Experiment, span

NARROW = [Word(bits, signed) for bits in (1, 2, 3, 4) for signed in (True, False)]
# four widths and two signs for each of three operands, so that any two widths, any two signs, and any width and sign
# occur together: an orthogonal array, whose columns are sums and multiples in the field of four elements
_TWICE, _THRICE = (0, 2, 3, 1), (0, 3, 1, 2)
_ROWS = [
    ((i, i & 1 ^ _TWICE[j] & 1), (j, (i ^ _TWICE[j]) >> 1), (i ^ j, (i ^ _THRICE[j]) & 1))
    for i, j in product(range(4), repeat=2)
]
GATED: dict[str, Any] = {"when": ("gate", Relation.EQ, 1)}
GATE = {"gate": Interval(0, 1)}
WIDEST_SHIFT = 56  # of a 6-bit word: what 63 bits still hold


def combinations(count: int, equal: tuple[int, ...] = (5, 6), most: int = 4) -> Iterator[tuple[Word, ...]]:
    """Words up to `most` bits, any two widths and signs together; and of 5 and of 6 bits each, signed and unsigned."""
    rows = (tuple(Word(1 + width, sign == 0) for width, sign in row[:count]) for row in _ROWS)
    yield from dict.fromkeys(row for row in rows if max(word.bits for word in row) <= most)
    for bits in equal:
        yield from product([Word(bits, True), Word(bits, False)], repeat=count)


def shifted(narrower: bool = False) -> Iterator[tuple[Word, Interval]]:
    """A register and how far it is shifted: never a negative distance."""
    for register, by in combinations(2):
        if not by.signed:
            yield register, Interval(0, min(by.max, WIDEST_SHIFT if narrower else by.max))


def _delivered(overflow: Overflow) -> Iterator[Experiment]:
    for register, count, weight in combinations(3, equal=(4,)):
        words = {"membrane": replace(register, overflow=overflow)}
        yield Experiment(Deliver("membrane"), words, {"count": span(count), "weight": span(weight)})
    either = Interval(Word(4, True).min, Word(4, False).max)  # of 4 bits, signed or not
    for signed in (True, False):
        words = {"membrane": Word(5, signed, overflow)}
        yield Experiment(Deliver("membrane"), words, {"count": either, "weight": either})


def clipped_counts() -> Iterator[Experiment]:
    for (count,) in combinations(1):
        caps = range(1, count.max + 2) if count.bits < 5 else (1, 15, count.max, count.max + 1)
        for cap in (*caps, ANY, NONZERO):
            yield Experiment(ClipCount(cap), {}, {"count": span(count)})


def _added(overflow: Overflow) -> Iterator[Experiment]:
    stage = Add(into="membrane", terms=("a", "-b"))
    for register, a, b in combinations(3, equal=()):  # _added_literals adds wider terms
        yield Experiment(stage, {"membrane": replace(register, overflow=overflow)}, {"a": span(a), "b": span(b)})


def _added_in_another_word(overflow: Overflow) -> Iterator[Experiment]:
    for register, a, word in combinations(3, equal=()):
        stage = Add(into="membrane", terms=("-a",), word=replace(word, overflow=overflow))
        yield Experiment(stage, {"membrane": replace(register, overflow=Overflow.WRAP)}, {"a": span(a)})


def _added_literals(overflow: Overflow) -> Iterator[Experiment]:
    for register, a in combinations(2, equal=(5,)):
        for terms, gate in product((("a",), ("a", 3, "a"), (-2,)), ({}, GATED)):
            words = {"membrane": replace(register, overflow=overflow)}
            yield Experiment(Add(into="membrane", terms=terms, **gate), words, {"a": span(a)} | (GATE if gate else {}))


def _set(overflow: Overflow) -> Iterator[Experiment]:
    for register, value in combinations(2, equal=(5,)):
        own, other = replace(register, overflow=overflow), Overflow.SATURATE
        for word, gate in product((None, replace(value, overflow=other)), ({}, GATED)):
            stage = Set(into="membrane", value="a", word=word, **gate)
            yield Experiment(stage, {"membrane": own}, {"a": span(value)} | (GATE if gate else {}))
        for literal, gate in product((-9, 0, 9), ({}, GATED)):
            stage = Set(into="membrane", value=literal, **gate)
            yield Experiment(stage, {"membrane": own}, GATE if gate else {})


def _shifted(overflow: Overflow) -> Iterator[Experiment]:
    for register, by in shifted(narrower=True):
        own = replace(register, overflow=overflow)
        for gate in ({}, GATED):
            stage = Shift(into="membrane", by="by", **gate)
            yield Experiment(stage, {"membrane": own}, {"by": by} | (GATE if gate else {}))
    for register, word in combinations(2):
        stage = Shift(into="membrane", by=2, word=replace(word, overflow=overflow))
        yield Experiment(stage, {"membrane": replace(register, overflow=Overflow.REFUSE)})


def _decayed(overflow: Overflow, rounding: Rounding, least: int, result: str) -> Iterator[Experiment]:
    keys: dict[str, Any] = {"kind": "shift", "by": "by", "rounding": rounding, "least": least, "result": result}
    for register, by in shifted():
        own = replace(register, overflow=overflow)
        for gate in ({}, GATED):
            stage = Decay(into="membrane", of="membrane", **keys, **gate)
            yield Experiment(stage, {"membrane": own}, {"by": by} | (GATE if gate else {}))
    for register, word in combinations(2):
        words = {"membrane": replace(register, overflow=Overflow.REFUSE), "loss": replace(word, overflow=overflow)}
        loss = Interval(word.min, word.min)  # written whatever it was
        by = Interval(0, max(3, register.bits))
        yield Experiment(Decay(into="loss", of="membrane", **keys), words, {"by": by, "loss": loss})
        override = Decay(into="membrane", of="membrane", word=words["loss"], **keys)
        yield Experiment(override, {"membrane": words["membrane"]}, {"by": by})


def fires(when: Any, emit: int | str, repeat: int, *do: Any) -> Branch:
    """A branch that runs stages."""
    return Branch(when=when, emit=emit, repeat=repeat, do=tuple({stage.key: stage} for stage in do))  # type: ignore[arg-type]


def _fired(overflow: Overflow, relation: Relation) -> Iterator[Experiment]:
    reset = Add(into="membrane", terms=("-threshold",))
    for register, threshold in combinations(2):
        words, bound = {"membrane": replace(register, overflow=overflow)}, {"threshold": span(threshold)}
        for repeat in (1, 3):
            spikes = Interval(0, repeat if register.bits < 5 else 0)
            branch = fires(("membrane", relation, "threshold"), 1, repeat, reset)
            yield Experiment(Fire(branches=(branch,)), words, {**bound, SPIKES: spikes})


def _fired_to_the_cap(overflow: Overflow) -> Iterator[Experiment]:
    reset = Add(into="membrane", terms=("-threshold",))
    for register, threshold in combinations(2, equal=()):
        if max(register.bits, threshold.bits) < 4 or register == threshold:
            words = {"membrane": replace(register, overflow=overflow)}
            branch = fires(("membrane", Relation.GE, "threshold"), 1, 31, reset)
            ranges = {"threshold": span(threshold), SPIKES: Interval(0, 2)}
            yield Experiment(Fire(branches=(branch,)), words, ranges)


def _fired_in_another_word(overflow: Overflow) -> Iterator[Experiment]:
    for register, threshold, word in combinations(3, equal=()):
        reset = Add(into="membrane", terms=("-threshold",), word=replace(word, overflow=overflow))
        branch = fires(("membrane", Relation.GE, "threshold"), 1, 2 if word.bits == 3 else 1, reset)
        words = {"membrane": replace(register, overflow=Overflow.SATURATE)}
        yield Experiment(Fire(branches=(branch,)), words, {"threshold": span(threshold), SPIKES: Interval(0, 1)})


def _fired_either_way(overflow: Overflow) -> Iterator[Experiment]:
    """A threshold above, one below, and a branch that emits nothing; each with its own reset."""
    above, below = ("membrane", Relation.GE, "threshold"), ("membrane", Relation.LT, "low")
    for repeat in (1, 3):
        branches = (
            fires(above, 1, repeat, Add(into="membrane", terms=("-threshold",)), Set(into="current", value="membrane")),
            fires(below, -1, 1, Add(into="membrane", terms=(2,)), Set(into="current", value=-1)),
            fires(
                ("membrane", Relation.EQ, 0), 0, 1, Set(into="membrane", value="low", when=("current", Relation.GT, 0))
            ),
        )
        for register, threshold, low in combinations(3, equal=(3,), most=3):
            words = {"membrane": replace(register, overflow=overflow), "current": Word(3, True, overflow)}
            ranges = {"threshold": span(threshold), "low": span(low), "current": Interval(0, 1)}
            yield Experiment(Fire(branches=branches), words, {**ranges, SPIKES: Interval(0, 1)})


def _exchanged(overflow: Overflow) -> Iterator[Experiment]:
    """Registers that take each other's value in a round: every one starts the next round with its own."""
    for first, second in (("a", "b"), ("b", "a")):
        branch = fires(("a", Relation.LT, 3), 1, 4, Set(into=second, value=first), Add(into=first, terms=(1,)))
        for word in NARROW:
            words = {name: replace(word, overflow=overflow) for name in ("a", "b")}
            yield Experiment(Fire(branches=(branch,)), words, {SPIKES: Interval(0, 1)})


MAKERS: dict[str, Callable[[Overflow], Iterator[Experiment]]] = {
    "deliver": _delivered, "add": _added, "add in another word": _added_in_another_word,
    "add literals": _added_literals, "set": _set, "shift": _shifted, "fire to the cap": _fired_to_the_cap,
    "fire in another word": _fired_in_another_word, "fire either way": _fired_either_way, "exchange": _exchanged,
    **{
        f"decay {', '.join(map(str, keys))}": lambda overflow, k=keys: _decayed(overflow, *k)
        for keys in product(Rounding, (0, 1), ("remaining", "minus_amount"))
    },
    **{f"fire {relation}": lambda overflow, r=relation: _fired(overflow, r) for relation in Relation},
}  # fmt: skip
