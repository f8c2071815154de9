"""Vectors for a circuit's test bench: inputs over the whole range of their words, and what the engine makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...ops.array import ArrayOps
from ...ops.base import Flag, Registers, Value
from ...word import Overflow, Word
from .module import Module, Port
from .units import Unit

Integers = NDArray[np.int64]

MOST_VECTORS = 10_000_000  # of a module


class _Witness(ArrayOps):
    """The engine's operations on arrays, noting for each vector whether a write was refused."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.refused = np.zeros(count, np.bool_)

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Note refused writes instead of stopping."""
        if word.overflow is Overflow.REFUSE:
            self.refused |= np.logical_and((raw < word.min) | (raw > word.max), when)


def drawn(inputs: Mapping[str, Word], count: int, seed: str) -> dict[str, Integers]:
    """Inputs [vector] by name: over the whole range of each word, its ends, small values, and values near others'."""
    rng = np.random.default_rng(list(hashlib.sha256(seed.encode()).digest()))
    cases: dict[str, Integers] = {}
    for name, word in inputs.items():
        ends = [value for value in (word.min, word.min + 1, -1, 0, 1, word.max - 1, word.max) if value in word]
        small = rng.choice([-1, 1], count) << rng.integers(0, word.bits, count)
        near = rng.choice(list(cases.values())) if cases else small
        kinds = [
            rng.integers(word.min, word.max, count, endpoint=True),
            rng.choice(ends, count),
            small + rng.integers(-2, 3, count),
            near + rng.integers(-1, 2, count),
        ]
        chosen = np.choose(rng.choice(len(kinds), count, p=[0.4, 0.2, 0.2, 0.2]), kinds)
        cases[name] = np.clip(chosen, word.min, word.max)
    return cases


def expected(unit: Unit, cases: Mapping[str, Integers]) -> tuple[dict[str, Integers], NDArray[np.bool_]]:
    """What comes out [vector] by name, and where a write was refused, which leaves no other result."""
    count = len(next(iter(cases.values())))
    ops = _Witness(count)
    values: dict[str, Value] = {name: np.full(count, value) for name, value in unit.constants.items()}
    values |= {**cases, **{name: np.zeros(count, np.int64) for name in unit.zeros}}
    regs = Registers(ops, unit.words, values)
    for _, part in unit.run:
        part(regs)
    return {name: np.broadcast_to(regs.values[name], count) for name in unit.results}, ops.refused


def vector_file(module: Module, count: int, seed: str) -> str:
    """Vectors a line in hex: the inputs in the order of the ports, the outputs, and whether a write was refused."""
    cases = drawn(module.unit.inputs, count, seed)
    results, refused = expected(module.unit, cases)
    columns = [_bits(cases[port.key], port.word) for port in module.inputs]
    columns += [_bits(np.where(refused, 0, results[port.key]), port.word) for port in module.outputs]
    columns += [refused[:, None].astype(np.uint8)] if module.refuses else []
    bits = np.hstack(columns)
    width = bits.shape[1]
    packed = np.packbits(np.pad(bits, [(0, 0), (-width % 8, 0)]), axis=1)
    digits, text = -(-width // 4), packed.tobytes().hex()
    row = 2 * packed.shape[1]
    return "".join(f"{text[end - digits : end]}\n" for end in range(row, len(text) + 1, row))


def _bits(values: Integers, word: Word) -> NDArray[np.uint8]:
    """The bits of each value, [vector, bit], the highest first."""
    octets = np.ascontiguousarray(values, ">i8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1)[:, -word.bits :]


def line_bits(module: Module) -> int:
    """Bits of a line of the vector file."""
    return sum(port.word.bits for port in _ports(module)) + module.refuses


def _ports(module: Module) -> Sequence[Port]:
    return (*module.inputs, *module.outputs)
