"""What a schema cannot say about a layout: its names exist, its fields fit their words and do not overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod

from ...document.nodes import KEYS, Fault, Path
from ...errors import suggest
from ...profile.schema import Profile
from .names import values_of
from .schema import ALL, VALUE, BitField, Each, Layout, Memory, Reference, Slot, Table, static_word


def find_faults(layout: Layout, profile: Profile) -> Iterator[Fault]:
    """Everything that keeps a layout from being written for networks of a profile."""
    for place, name in enumerate(layout.one_to_one):
        yield from _unknown(("one_to_one", place), name, list(profile.connections))
    if not layout.files:
        yield Fault((), "has no files; allowed: 'memories', 'tables' or both", needs=((KEYS,),))
    yield from _file_faults(layout)
    for kind, files in (("memories", layout.memories), ("tables", layout.tables)):
        for name, file in files.items():
            path: Path = (kind, name)
            yield from _each_faults((*path, "each"), file.each, profile)
            yield from _slots(path, file, profile)
    for name, memory in layout.memories.items():
        yield from _axis_faults(("memories", name), memory)
        yield from _bit_faults(("memories", name), memory)


def _unknown(path: Path, found: str, allowed: list[str]) -> Iterator[Fault]:
    if found not in allowed:
        yield Fault(path, f"found '{found}'; allowed: {', '.join(allowed) or 'none'}{suggest(found, allowed)}")


def _file_faults(layout: Layout) -> Iterator[Fault]:
    seen: dict[str, str] = {"manifest.json": "the manifest"}
    for kind, files in (("memories", layout.memories), ("tables", layout.tables)):
        for name, file in files.items():
            if file.file.lower() in seen:
                taken = seen[file.file.lower()]
                yield Fault((kind, name, "file"), f"found '{file.file}'; allowed: a name other than that of {taken}")
            seen[file.file.lower()] = f"'{name}'"


def _each_faults(path: Path, each: Each | None, profile: Profile) -> Iterator[Fault]:
    if each is None:
        return
    if (each.layer is None) == (each.projection is None):
        yield Fault(path, "allowed: either 'layer' or 'projection'")
    if each.layer is not None:
        yield from _unknown((*path, "layer"), each.layer, list(profile.neurons))
    if each.projection is not None:
        yield from _unknown((*path, "projection"), each.projection, list(profile.connections))


def _slots(path: Path, file: Memory | Table, profile: Profile) -> Iterator[Fault]:
    section = "fields" if isinstance(file, Memory) else "registers"
    for name, slot in file.slots.items():
        yield from _slot_faults((*path, section, name), slot, file, profile)


def _slot_faults(path: Path, slot: Slot, file: Memory | Table, profile: Profile) -> Iterator[Fault]:
    word = static_word(slot.word)
    width = re.search("<([a-z][a-z0-9_]*)>", slot.word)
    if width:
        yield from _unknown((*path, "word"), width[1], list(profile.values))
    if word is not None and slot.absent not in word:
        yield Fault((*path, "absent"), f"found {slot.absent}; allowed: {word.min} to {word.max} ({word})")
    reference = slot.reference
    if reference is None:
        if word is not None and isinstance(slot.value, int) and slot.value not in word:
            yield Fault((*path, "value"), f"found {slot.value}; allowed: {word.min} to {word.max} ({word})")
        return
    place = (*path, "value")
    scope = _owners(file.each, profile)
    if reference.owner not in scope:
        known = ", ".join(scope)
        yield Fault(place, f"found '{reference.owner}'; allowed: {known}{suggest(reference.owner, scope)}")
        return
    names = values_of(profile, reference.owner)
    if reference.name not in names:
        known, found = ", ".join(names), f"{reference.owner}.{reference.name}"
        yield Fault(place, f"found '{found}'; allowed: {known}{suggest(reference.name, names)}")
        return
    yield from _index_faults(place, reference, names[reference.name], file, profile)


def _owners(each: Each | None, profile: Profile) -> list[str]:
    """Whose values a file can hold."""
    values = [VALUE] if profile.values else []
    if each is None:
        return [*profile.neurons, *profile.connections, *values]
    return [name for name in (each.layer, each.projection) if name is not None] + values


def _index_faults(
    place: Path, reference: Reference, axes: int, file: Memory | Table, profile: Profile
) -> Iterator[Fault]:
    if len(reference.axes) != axes or len(set(reference.axes)) != axes:
        found = f"found {len(reference.axes)} axes" if len(reference.axes) != axes else "found an axis twice"
        yield Fault(place, f"{found}; allowed: {axes} for '{reference.owner}.{reference.name}'")
    connection = profile.connections.get(reference.owner)
    if file.each is None and connection is not None and reference.owner not in profile.neurons:
        sources = len(connection.sources)
        if sources > 1 and axes:
            yield Fault(
                place, f"'{reference.owner}' has {sources} kinds of sources; allowed: in a file for each projection"
            )
        if reference.name == "kernel":
            yield Fault(place, "allowed: in a file for each projection")


def _axis_faults(path: Path, memory: Memory) -> Iterator[Fault]:
    """Axes that a field names exist, and every axis of unknown length is one of a value."""
    used: set[str] = set()
    for name, field in memory.fields.items():
        own = {field.lanes.axis} if field.lanes else set()
        axes = field.reference.axes if field.reference else ()
        place = (*path, "fields", name)
        for axis in axes:
            yield from _unknown((*place, "value"), axis, [*memory.axes, *own])
        if field.lanes and (field.lanes.axis in memory.axes or field.lanes.axis not in axes):
            allowed = "an axis of the value that is none of the memory's"
            yield Fault((*place, "lanes", "axis"), f"found '{field.lanes.axis}'; allowed: {allowed}")
        used |= set(axes)
        symbolic = re.search("<log2 ([a-z][a-z0-9_]*)>", field.word)
        if symbolic:
            known = [*memory.axes, *(f.lanes.axis for f in memory.fields.values() if f.lanes)]
            yield from _unknown((*place, "word"), symbolic[1], known)
    for axis, size in memory.axes.items():
        if size == ALL and axis not in used:
            yield Fault((*path, "axes", axis), f"found '{ALL}'; allowed: a number, as no value has this axis")


def _bit_faults(path: Path, memory: Memory) -> Iterator[Fault]:
    """Fields that overlap, do not fit, or stand partly without a place; entries that do not fill words."""
    placed = [name for name, field in memory.fields.items() if field.at is not None]
    if placed and len(placed) != len(memory.fields):
        missing = next(name for name, field in memory.fields.items() if field.at is None)
        yield Fault((*path, "fields", missing), "missing key 'at', which other fields have", key=True)
        return
    widths = {name: width_of(field) for name, field in memory.fields.items()}
    if placed and memory.word is None:
        yield Fault(path, "missing key 'word', the bits of a line, as fields have places", key=True)
        return
    if memory.word is None:
        return
    yield from _pack_faults(path, memory)
    bits = memory.word // (memory.pack.entries if memory.pack else 1)
    if not placed:
        yield from _sum_faults(path, widths, bits)
        return
    yield from _place_faults(path, memory, widths, bits)


def width_of(field: BitField) -> int | None:
    """Bits of a field with all its lanes; None where they follow the network."""
    word = static_word(field.word)
    lanes = field.lanes.size if field.lanes else 1
    return word.bits * lanes if word is not None and isinstance(lanes, int) else None


def _pack_faults(path: Path, memory: Memory) -> Iterator[Fault]:
    pack = memory.pack
    if pack is None:
        return
    assert memory.word is not None
    if memory.word % pack.entries:
        yield Fault((*path, "pack", "entries"), f"found {pack.entries}; allowed: a divisor of the {memory.word} bits")
    sizes = [size for size in memory.axes.values() if isinstance(size, int)]
    if len(sizes) == len(memory.axes) and prod(sizes) % pack.entries:
        yield Fault((*path, "pack", "entries"), f"found {pack.entries}; allowed: a divisor of {prod(sizes)} entries")


def _sum_faults(path: Path, widths: Mapping[str, int | None], bits: int) -> Iterator[Fault]:
    if None in widths.values():
        yield Fault((*path, "word"), "allowed: no 'word', as the width of a field follows the network")
    elif sum(filter(None, widths.values())) != bits:
        total = sum(filter(None, widths.values()))
        yield Fault((*path, "word"), f"found {bits} bits an entry; allowed: {total}, those of its fields, or none")


def _place_faults(path: Path, memory: Memory, widths: Mapping[str, int | None], bits: int) -> Iterator[Fault]:
    taken: dict[int, str] = {}
    for name, field in memory.fields.items():
        place, width = (*path, "fields", name), widths[name]
        assert field.at is not None
        if width is None:
            yield Fault((*place, "at"), "allowed: no 'at', as the width of the field follows the network")
            continue
        last = field.at + width - 1
        if last >= bits:
            found = f"found bits {last} to {field.at}"
            yield Fault((*place, "at"), f"{found}; allowed: {bits - 1} to 0, the bits of an entry")
            continue
        other = next((taken[bit] for bit in range(field.at, last + 1) if bit in taken), None)
        if other is not None:
            yield Fault((*place, "at"), f"found bits {last} to {field.at}; allowed: bits that '{other}' does not have")
        taken |= dict.fromkeys(range(field.at, last + 1), name)
