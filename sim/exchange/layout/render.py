"""The text of every file that a layout has for a network, and what of the network each field of it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ...errors import NetworkError
from ...network.network import Network
from ...profile.schema import Profile
from ...word import Word
from .bits import Array, Form, form_of, lines_of, packed, put
from .part import Masked, Part, Piece, State, parts, whole
from .schema import ALL, MAX_ENTRIES, Layout, Memory, Slot, Table


@dataclass(frozen=True)
class Rendered:
    """One file. form: of a memory; words: of its slots by name; shapes: of the values that they hold."""

    name: str
    file: Memory | Table
    part: Part
    text: str
    form: Form | None
    words: dict[str, Word]
    shapes: dict[str, tuple[int, ...]]

    @property
    def bits(self) -> tuple[int, int]:
        """Bits of the entries that the network uses, and of all there are; of a memory."""
        assert self.form is not None
        used = dict.fromkeys(self.form.axes, 0)
        for name, slot in self.file.slots.items():
            for axis, size in zip(slot.reference.axes if slot.reference else (), self.shapes[name], strict=True):
                if axis in used:
                    used[axis] = max(used[axis], size)
        return prod(used.values()) * self.form.bits, prod(self.form.axes.values()) * self.form.bits


@dataclass(frozen=True)
class _Held:
    """What a slot holds of a network: its pieces, all of them in one array, and its word."""

    slot: Slot
    pieces: list[Piece]
    values: Masked
    word: Word


def render(network: Network, layout: Layout, state: State) -> Iterator[Rendered]:
    """Every file. Raises NetworkError for what does not fit: layer, index, value and what is allowed."""
    for file in layout.files.values():
        for part in parts(network.profile, network.inputs, network.populations, network.projections, file.each):
            yield _memory(file, part, state) if isinstance(file, Memory) else _table(file, part, state)


def _held(file: Memory | Table, part: Part, state: State) -> dict[str, _Held]:
    """What each slot holds."""
    found: dict[str, tuple[list[Piece], Masked]] = {}
    lengths: dict[str, int] = {}
    for name, slot in file.slots.items():
        reference = slot.reference
        if reference is None:
            found[name] = [], np.ma.array(np.int64(slot.value))
            continue
        found[name] = whole(part, state, reference)
        for axis, size in zip(reference.axes, found[name][1].shape, strict=True):
            lengths[axis] = max(size, lengths.get(axis, 0))
    words = {name: word_of(slot.word, part.profile, lengths) for name, slot in file.slots.items()}
    held = {name: _Held(slot, *found[name], words[name]) for name, slot in file.slots.items()}
    for each in held.values():
        _check_range(each, file)
    return held


def word_of(text: str, profile: Profile, lengths: dict[str, int]) -> Word:
    """A slot's word: its width may be a value of the profile, or the bits that number an axis."""
    follows = re.search("<(log2 )?([a-z0-9_]+)>", text)
    if follows is None:
        return Word.parse(text)
    if follows[1]:
        return Word(max(1, (lengths.get(follows[2], 1) - 1).bit_length()), text[0] == "s")
    return Word(profile.constants[follows[2]], text[0] == "s")


def _check_range(held: _Held, file: Memory | Table) -> None:
    word = held.word
    if held.slot.absent not in word:
        raise NetworkError(
            [f"{file.file}: absent: found {held.slot.absent}; allowed: {word.min} to {word.max} ({word})"]
        )
    for piece in held.pieces:
        data = np.ma.getdata(piece.values)
        beyond = np.argwhere(~np.ma.getmaskarray(piece.values) & ((data < word.min) | (data > word.max)))
        if len(beyond):
            index = tuple(beyond[0])
            at = f"[{', '.join(map(str, index))}]" if index else ""
            more = f"; {len(beyond) - 1} more" if len(beyond) > 1 else ""
            allowed = f"{word.min} to {word.max} ({word} in {file.file})"
            raise NetworkError([f"{piece.place}{at}: found {data[index]}; allowed: {allowed}{more}"])


def _memory(memory: Memory, part: Part, state: State) -> Rendered:
    held = _held(memory, part, state)
    axes = _axes(memory, held)
    lanes = {slot: _lanes(memory, held[slot], slot) for slot in memory.fields}
    form = form_of(memory, axes, {slot: one.word for slot, one in held.items()}, lanes)
    entries = np.zeros((prod(axes.values()), form.bits), np.uint8)
    for slot, one in held.items():
        field = memory.fields[slot]
        values = _entries(one, axes, field.lanes.axis if field.lanes else None, lanes[slot])
        entries[:, form.places[slot].span] = put(values, form.places[slot], field.lanes)
    text = "\n".join([*lines_of(packed(entries, memory), memory.radix), ""])
    shapes = {slot: one.values.shape for slot, one in held.items()}
    return Rendered(
        part.numbered(memory.file), memory, part, text, form, {slot: one.word for slot, one in held.items()}, shapes
    )


def _axes(memory: Memory, held: dict[str, _Held]) -> dict[str, int]:
    """The length of every axis. Raises NetworkError where the network needs a longer one."""
    axes = {axis: 0 if size == ALL else int(size) for axis, size in memory.axes.items()}
    for one in held.values():
        reference = one.slot.reference
        for axis, size in zip(reference.axes if reference else (), one.values.shape, strict=True):
            if axis in axes and memory.axes[axis] == ALL:
                axes[axis] = max(axes[axis], size)
            elif axis in axes and size > axes[axis]:
                raise NetworkError([f"axis '{axis}' of {memory.file}: found {size}; allowed: {axes[axis]}"])
    if prod(axes.values()) > MAX_ENTRIES:
        raise NetworkError([f"{memory.file}: found {prod(axes.values())} entries; allowed: {MAX_ENTRIES}"])
    return axes


def _lanes(memory: Memory, held: _Held, slot: str) -> int:
    lanes, reference = memory.fields[slot].lanes, held.slot.reference
    if lanes is None or reference is None:
        return 1
    size = int(held.values.shape[reference.axes.index(lanes.axis)])
    if lanes.size == ALL:
        return size
    if size > int(lanes.size):
        raise NetworkError([f"axis '{lanes.axis}' of {memory.file}: found {size}; allowed: {lanes.size}"])
    return int(lanes.size)


def _entries(held: _Held, axes: dict[str, int], lane: str | None, lanes: int) -> Array:
    """What a field holds in every entry, [entry, lane]."""
    reference, shape = held.slot.reference, tuple(axes.values())
    if reference is None or not reference.axes:
        return np.full((prod(shape), 1), held.values.filled(held.slot.absent), np.int64)
    order = [*(axis for axis in axes if axis in reference.axes), *([lane] if lane else [])]
    moved = held.values.filled(held.slot.absent).transpose([reference.axes.index(axis) for axis in order])
    sizes = [lanes if axis == lane else axes[axis] for axis in order]
    full = np.full(sizes, held.slot.absent, np.int64)
    full[tuple(slice(0, size) for size in moved.shape)] = moved
    spread = full.reshape([axes[a] if a in reference.axes else 1 for a in axes] + [lanes])
    return np.ascontiguousarray(np.broadcast_to(spread, (*shape, lanes)).reshape(-1, lanes))


def _table(table: Table, part: Part, state: State) -> Rendered:
    held = _held(table, part, state)
    data: dict[str, Any] = {slot: one.values.filled(one.slot.absent).tolist() for slot, one in held.items()}
    lines = ",\n".join(f" {json.dumps(slot)}: {json.dumps(values)}" for slot, values in data.items())
    shapes = {slot: one.values.shape for slot, one in held.items()}
    return Rendered(
        part.numbered(table.file),
        table,
        part,
        f"{{\n{lines}\n}}\n",
        None,
        {slot: one.word for slot, one in held.items()},
        shapes,
    )
