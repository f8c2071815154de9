"""Entries of fields as lines of hex or binary digits, and back. Arrays of bits have the least significant one first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...word import Word
from ..image import from_patterns
from .schema import BitField, Lanes, Memory

Bits = NDArray[np.uint8]
Array = NDArray[np.integer[Any]]


class Place(NamedTuple):
    """Where a field lies in an entry: its least significant bit, its word, and how many lanes it has."""

    at: int
    word: Word
    lanes: int

    @property
    def span(self) -> slice:
        """Its bits of an entry."""
        return slice(self.at, self.at + self.word.bits * self.lanes)


class Form(NamedTuple):
    """The shape of a memory: its axes, the bits of an entry, how many are in a word, the places of its fields."""

    axes: dict[str, int]
    bits: int
    entries: int
    places: dict[str, Place]


def form_of(memory: Memory, axes: dict[str, int], words: Mapping[str, Word], lanes: Mapping[str, int]) -> Form:
    """The form, given every field's word and its lanes; fields without places follow each other from the top."""
    entries = memory.pack.entries if memory.pack else 1
    widths = {name: words[name].bits * lanes[name] for name in memory.fields}
    bits = memory.word // entries if memory.word else sum(widths.values())
    places, top = {}, bits
    for name, field in memory.fields.items():
        top -= widths[name]
        places[name] = Place(top if field.at is None else field.at, words[name], lanes[name])
    return Form(axes, bits, entries, places)


def put(values: Array, place: Place, lanes: Lanes | None) -> Bits:
    """Values [entry, lane] as bits [entry, bit]."""
    ordered = values[:, ::-1] if lanes and lanes.first == "most" else values
    bits = (ordered[:, :, None] >> np.arange(place.word.bits)) & 1
    return bits.astype(np.uint8).reshape(len(values), -1)


def take(bits: Bits, place: Place, field: BitField) -> Array:
    """What `put` made bits [entry, bit] of: values [entry, lane]."""
    lanes = bits[:, place.span].reshape(len(bits), place.lanes, place.word.bits).astype(np.int64)
    values = from_patterns(lanes @ (np.int64(1) << np.arange(place.word.bits)), place.word)
    return values[:, ::-1] if field.lanes and field.lanes.first == "most" else values


def packed(entries: Bits, memory: Memory) -> Bits:
    """Words [word, bit] of entries [entry, bit], the last word filled up with entries of zeros."""
    pack = memory.pack
    if pack is None:
        return entries
    missing = -len(entries) % pack.entries
    groups = np.pad(entries, ((0, missing), (0, 0))).reshape(-1, pack.entries, entries.shape[1])
    return (groups[:, ::-1] if pack.first == "most" else groups).reshape(len(groups), -1)


def unpacked(words: Bits, memory: Memory, count: int) -> Bits:
    """The entries [entry, bit] of words [word, bit]; `count`: how many there are."""
    pack = memory.pack
    if pack is None:
        return words
    groups = words.reshape(len(words), pack.entries, -1)
    return (groups[:, ::-1] if pack.first == "most" else groups).reshape(-1, groups.shape[2])[:count]


def lines_of(words: Bits, radix: str) -> list[str]:
    """A line for each word [word, bit], the most significant digit first."""
    bits = words.shape[1]
    if radix == "binary":
        return [row.tobytes().decode() for row in words[:, ::-1] + np.uint8(ord("0"))]
    padded = np.pad(words, ((0, 0), (0, -bits % 8)))[:, ::-1]
    digits = -(-bits // 4)
    return [row.tobytes().hex()[-digits:] for row in np.packbits(padded, axis=1)]


def words_of(lines: list[str], radix: str, bits: int) -> Bits:
    """Words [word, bit] of lines that `lines_of` wrote. Raises BadLineError."""
    digits = bits if radix == "binary" else -(-bits // 4)
    base = 2 if radix == "binary" else 16
    rows = []
    for number, line in enumerate(lines, 1):
        if len(line) != digits or set(line) - set("0123456789abcdef"[:base]) or int(line, base) >> bits:
            raise BadLineError(
                number, f"found {line[:80]!r}; allowed: a word of {bits} bits in {digits} {radix} digits"
            )
        rows.append(int(line, base).to_bytes(-(-bits // 8), "little"))
    flat = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -(-bits // 8))
    return np.unpackbits(flat, axis=1, bitorder="little")[:, :bits]


class BadLineError(Exception):
    """A line, by its number, that is no word."""

    def __init__(self, number: int, message: str) -> None:
        self.number = number
        super().__init__(message)
