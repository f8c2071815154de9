"""What a simulator dumped, read back: words in hex (`.hex`) or binary (`.bin`), or a table of decimal numbers (`.csv`).

Hex and binary are what `$fdisplay` writes with `%h` and `%b`, or `$writememh` and `$writememb`: words of all digits,
between spaces or line ends; `//` starts a comment. A digit, or a decimal number, may be x or z: a value that the
simulator does not know, or that nothing drives.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..compare import Difference, compare
from ..engine import Write, explain
from ..errors import FileError, InputError
from ..network.network import Integers
from ..profile.schema import SPIKES
from ..trace import LayerTrace, Trace
from ..word import Word
from .bench import NEURON, Bench, Expected, read_bench
from .image import from_patterns, read_text
from .verify import Verification

UNKNOWN = "xXzZ"
_NO_WIRE = np.zeros((0, 3), np.int64)  # what `compare` tells events from steps by
_DIGIT_BITS = {".hex": 4, ".bin": 1}
SUFFIXES = (*_DIGIT_BITS, ".csv")
_DIGITS = {4: "0123456789abcdefABCDEF", 1: "01"}
_BASES = {4: "hex", 1: "binary"}


@dataclass(frozen=True, eq=False)
class Dumped:
    """Values of one register, [sample, step, chosen neuron].

    unknown: the bits of values with x or z, most significant first, by place in the flat array; their value there is
    none of the simulator's.
    """

    values: Integers
    unknown: Mapping[int, str]


def verify_dump(folder: str | os.PathLike[str], *paths: str | os.PathLike[str]) -> Verification:
    """Compare a simulator's dump with the vectors in a folder that `write_bench` wrote.

    paths: a folder with a file for every expected array, or files for some of them. The first difference is found as
    `compare` finds it; where it is a value with x or z, its bits are the simulator's, and each of those differs.
    Raises FileError for a dump that cannot be read, with file and line.
    """
    bench = read_bench(folder)
    dumped = {name: read_dump(path, bench.expected[name], bench) for name, path in _find(bench, paths).items()}
    if not dumped:
        raise InputError("dump: found no file; allowed: a folder, or files of the names in the manifest")
    arrays = {name: bench.expected[name] for name in dumped}
    expected = {name: each.values for name, each in arrays.items()}
    found = {name: _differing(expected[name], each, arrays[name].word) for name, each in dumped.items()}
    comparison = compare(_trace(bench, expected), _trace(bench, found))
    writes: list[Write] = []
    if comparison.first is not None:
        first = _placed(comparison.first, bench, dumped)
        at = {"layer": first.layer, "neuron": first.neuron, "step": first.step}
        writes = explain(bench.network, bench.spikes, sample=comparison.first.sample, **at)  # type: ignore[arg-type]
        comparison = replace(comparison, first=first)
    comparison = replace(comparison, differing=tuple(bench.samples[sample] for sample in comparison.differing))
    samples, steps = next(iter(expected.values())).shape[:2]
    return Verification(comparison, tuple(dumped), samples, steps, bench.network.profile.clock, tuple(writes))


def _differing(expected: Integers, dumped: Dumped, word: Word) -> Integers:
    """The dumped values; where a value has unknown bits, these are not the expected ones."""
    values = dumped.values.copy()
    for place, pattern in dumped.unknown.items():
        bits = (bit if bit in "01" else str(1 - (int(expected.flat[place]) >> at & 1))
                for at, bit in zip(reversed(range(word.bits)), pattern, strict=True))  # fmt: skip
        values.flat[place] = from_patterns(np.array(int("".join(bits), 2)), word)
    return values


def _trace(bench: Bench, arrays: Mapping[str, Integers]) -> Trace:
    """Arrays by `LAYER.REGISTER` as `compare` takes them, the chosen neurons only."""
    layers: dict[str, dict[str, Integers]] = {}
    for name, values in arrays.items():
        layers.setdefault(bench.expected[name].layer, {})[bench.expected[name].register] = values
    traces = {}
    for layer, registers in layers.items():
        shape = next(iter(registers.values())).shape
        spikes = registers.pop(SPIKES, np.zeros((*shape[:2], 0), np.uint8))
        names = [name for name in bench.expected if bench.expected[name].layer == layer]
        words = {bench.expected[name].register: str(bench.expected[name].word) for name in names}
        traces[layer] = LayerTrace(spikes, registers, {}, words)
    return Trace(traces, bench.network.digest, wire=_NO_WIRE if bench.network.profile.clock == "event" else None)


def _placed(first: Difference, bench: Bench, dumped: Mapping[str, Dumped]) -> Difference:
    """A difference under the numbers of its neuron and sample in the run, with the bits that the simulator wrote."""
    name = f"{first.layer}.{first.register}"
    expected = bench.expected[name]
    place = int(np.ravel_multi_index((first.sample, first.step, first.neuron), expected.values.shape))
    pattern = dumped[name].unknown.get(place, first.bits[1])
    neuron, sample = expected.neurons[first.neuron], bench.samples[first.sample]
    return replace(first, neuron=neuron, sample=sample, bits=(first.bits[0], pattern))


def _find(bench: Bench, paths: Sequence[str | os.PathLike[str]]) -> dict[str, Path]:
    """The file of each array: of a folder, all that were expected; or of single files. Raises FileError."""
    files: dict[str, Path] = {}
    for path in map(Path, paths):
        for name, file in _in_folder(bench, path) if path.is_dir() else [(path.stem, path)]:
            if name not in bench.expected or file.suffix not in SUFFIXES:
                allowed = f"one of {', '.join(bench.expected)}, with {', '.join(SUFFIXES)}"
                raise FileError(f"{file}: found a file of that name; allowed: {allowed}")
            if name in files:
                raise FileError(f"{file}: found {name} twice; allowed: once, as {files[name]} has it")
            files[name] = file
    return {name: files[name] for name in bench.expected if name in files}


def _in_folder(bench: Bench, folder: Path) -> Iterator[tuple[str, Path]]:
    for name in bench.expected:
        found = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").exists()]
        if not found:
            raise FileError(f"{folder}: found no {name}; allowed: {' or '.join(name + suffix for suffix in SUFFIXES)}")
        yield from ((name, path) for path in found)


def read_dump(path: Path, expected: Expected, bench: Bench) -> Dumped:
    """The values of one file, as many as were expected. Raises FileError, naming the line."""
    text = read_text(path)
    if path.suffix == ".csv":
        words = _table(path, text, expected, bench)
    else:
        words = _words(path, text, expected.word, _DIGIT_BITS[path.suffix])
    values: list[int] = []
    unknown: dict[int, str] = {}
    count, line = expected.values.size, 1
    for line, value, pattern in words:
        if len(values) == count:
            raise FileError(f"{path}:{line}: found more than {count} words; allowed: {count}")
        if pattern:
            unknown[len(values)] = pattern
        values.append(value)
    if len(values) < count:
        raise FileError(f"{path}:{line}: found the end after {len(values)} words; allowed: {count}")
    return Dumped(np.array(values, np.int64).reshape(expected.values.shape), unknown)


def _words(path: Path, text: str, word: Word, bits: int) -> Iterator[tuple[int, int, str]]:
    """Line, value and, of an unknown value, its bits of each word."""
    digits = -(-word.bits // bits)
    good = re.compile(f"[{_DIGITS[bits]}{UNKNOWN}]{{{digits}}}")
    for number, line in enumerate(text.splitlines(), 1):
        for found in line.partition("//")[0].split():
            if not good.fullmatch(found):
                allowed = f"{digits} {_BASES[bits]} digits, a word of {word.bits} bits"
                raise FileError(f"{path}:{number}: found {found[:80]!r}; allowed: {allowed}")
            value, pattern = _read(found, word, bits)
            if value > word.mask:
                raise FileError(f"{path}:{number}: found {found!r}; allowed: a word of {word.bits} bits")
            yield number, value if value <= word.max or not word.signed else value - word.mask - 1, pattern


def _read(digits: str, word: Word, bits: int) -> tuple[int, str]:
    """What the bits of a word count, known ones; and where there are others, all of them as a pattern."""
    if not any(digit in UNKNOWN for digit in digits):
        return int(digits, 1 << bits), ""
    pattern = "".join(d * bits if d in UNKNOWN else f"{int(d, 16):0{bits}b}" for d in digits)
    return int(re.sub(f"[{UNKNOWN}]", "0", pattern), 2), pattern[-word.bits :]


def _table(path: Path, text: str, expected: Expected, bench: Bench) -> Iterator[tuple[int, int, str]]:
    """The same of each number of a table with the header and the first two columns of the expected one."""
    clock, word = bench.network.profile.clock, expected.word
    head = ["sample", clock, *(f"{NEURON}{neuron}" for neuron in expected.neurons)]
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    found = [cell.strip() for cell in lines[0][1].split(",")] if lines else []
    if found != head:
        raise FileError(f"{path}:1: found header {','.join(found)[:80]!r}; allowed: {','.join(head)!r}")
    places = ((sample, step) for sample in bench.samples for step in range(expected.values.shape[1]))
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(head):
            raise FileError(f"{path}:{number}: found {len(cells)} cells; allowed: {len(head)}, one a column")
        place = next(places, None)
        if place is not None and cells[:2] != [str(each) for each in place]:
            at = f"sample {place[0]}, {clock} {place[1]}"
            raise FileError(f"{path}:{number}: found {','.join(cells[:2])[:40]!r}; allowed: {at}, the next row")
        for name, cell in zip(head[2:], cells[2:], strict=True):
            if len(cell) == 1 and cell in UNKNOWN:
                yield number, 0, cell * word.bits
            elif re.fullmatch(r"[+-]?[0-9]{1,19}", cell) and -(1 << 63) <= int(cell) < 1 << 63 and int(cell) in word:
                yield number, int(cell), ""
            else:
                allowed = f"{word.min} to {word.max} ({word}), x or z"
                raise FileError(f"{path}:{number}: {name}: found {cell[:40]!r}; allowed: {allowed}")
