"""What differs between two profiles on paper: every key, and stage by stage."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from .schema import Profile
from .shared import Quantity, SharedClass, SharedConnection
from .text import flow, is_stages, lif_rows, quantity_text, shared_weight_text, stage_lines, unsized

_NOTES = ("schema", "name", "title", "source", "limits", "quirks", "shared")  # of these no bit depends
_ALIGNED = ("neurons", "connections", "events")  # what is compared item by item

Tree = dict[str, Any]
Pair = tuple[str | None, str | None]


@dataclass(frozen=True)
class Entry:
    """A key that differs: what each profile calls it and what it says there, None where it says nothing."""

    key: tuple[str, str]
    values: Pair


@dataclass(frozen=True)
class Section:
    """A place where two profiles differ: keys, or the lines of a list of stages.

    place: what each profile calls it.
    lines: what the stages are in YAML, all of them, each with ' ' (in both), '-' (in the first) or '+' (in the second).
    """

    place: tuple[str, str]
    entries: tuple[Entry, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ProfileDifference:
    """Two profiles compared on paper.

    equal: whether they say the same everywhere. computes_alike: whether all that differs is names, notes, limits,
    quirks or what is shared, so that no bit does.
    """

    names: tuple[str, str]
    equal: bool
    computes_alike: bool
    sections: tuple[Section, ...]


def profile_difference(a: Profile, b: Profile) -> ProfileDifference:
    """Everything that differs, in the order of a profile's keys.

    Classes and connections of other names stand beside each other where both profiles share them under one name;
    so do registers and parameters that mean the same.
    """
    trees = _tree(a), _tree(b)
    alike = _computed(trees[0]) == _computed(trees[1])
    return ProfileDifference(told_apart(a, b), a.digest == b.digest, alike, tuple(_sections(a, b, *trees)))


def told_apart(a: Profile, b: Profile) -> tuple[str, str]:
    """The names of two profiles, with the start of their digests where other profiles have one name."""
    if a.name != b.name or a.digest == b.digest:
        return a.name, b.name
    return f"{a.name} ({a.digest[:12]})", f"{b.name} ({b.digest[:12]})"


def _tree(profile: Profile) -> Tree:
    """A profile as JSON, what it shares said as formulas where it belongs."""
    tree: Tree = json.loads(profile.to_json())
    if profile.shared is not None:
        tree["shared"] = "yes"
        for name, neuron in profile.shared.neurons.items():
            tree["neurons"][name]["shared"] = _shared_class(neuron)
        for name, connection in profile.shared.connections.items():
            tree["connections"][name]["shared"] = _shared_connection(connection)
    return tree


def _shared_class(shared: SharedClass) -> Tree:
    tree: Tree = {"as": shared.shared_as, **_formulas(shared.quantities), "registers": dict(shared.registers)}
    return tree if shared.lif is None else tree | {"lif": dict(lif_rows(shared.lif))}


def _shared_connection(shared: SharedConnection) -> Tree:
    weight = {"weight": shared_weight_text(shared.weight)}
    return {"as": shared.shared_as, **weight, **_formulas(shared.quantities), "keeps": dict(shared.keeps)}


def _formulas(quantities: Mapping[str, Quantity]) -> Tree:
    return {name: quantity_text(quantity) for name, quantity in quantities.items()}


def _computed(tree: Tree) -> str:
    """What a profile computes, as text; the order of its keys counts."""
    kept = {key: value for key, value in tree.items() if key not in _NOTES}
    for key in ("neurons", "connections"):
        kept[key] = {name: {k: v for k, v in each.items() if k != "shared"} for name, each in kept[key].items()}
    kept["values"] = {name: {k: v for k, v in each.items() if k != "note"} for name, each in kept["values"].items()}
    return json.dumps(kept)


def _sections(a: Profile, b: Profile, x: Tree, y: Tree) -> Iterator[Section]:
    single = {key: None for key in (*x, *y) if not isinstance(x.get(key, y.get(key)), Mapping)}
    mine, theirs = ({key: tree[key] for key in single if key in tree} for tree in (x, y))
    yield from _compared(("profile", "profile"), mine, theirs, {})
    for key in dict.fromkeys((*x, *y)):
        if key in single:
            continue
        mine, theirs = x.get(key, {}), y.get(key, {})
        if key not in _ALIGNED:
            yield from _compared((key, key), mine, theirs, {})
            continue
        pairs = _pairs(a, b, key)
        yield from _present(key, mine, theirs, pairs)
        for one, other in pairs:
            place = (f"{key}.{one}", f"{key}.{other}")
            yield from _compared(place, mine[one], theirs[other], _meanings(a, b, key, one, other))


def _pairs(a: Profile, b: Profile, kind: str) -> list[tuple[str, str]]:
    """Which item of one profile stands beside which of the other: those of one name, then those shared under one."""
    mine, theirs = getattr(a, kind), getattr(b, kind)
    pairs = [(name, name) for name in mine if name in theirs]
    paired = {name for name, _ in pairs}
    if a.shared is None or b.shared is None or kind == "events":
        return pairs
    own, other = getattr(a.shared, kind), getattr(b.shared, kind)
    for name, shared in own.items():
        pairs += [
            (name, candidate)
            for candidate, known in other.items()
            if known.shared_as == shared.shared_as and not {name, candidate} & paired and _meet(a, b, name, candidate)
        ]
    order = {name: place for place, name in enumerate(mine)}
    return sorted(pairs, key=lambda pair: order[pair[0]])


def _meet(a: Profile, b: Profile, name: str, candidate: str) -> bool:
    """Whether two connections may come from the same sources; classes always meet."""
    if name not in a.connections or candidate not in b.connections:
        return True
    classes = dict(_pairs(a, b, "neurons"))
    sources = {classes.get(source, source) for source in a.connections[name].sources}
    return bool(sources & set(b.connections[candidate].sources))


def _meanings(a: Profile, b: Profile, kind: str, one: str, other: str) -> dict[str, str]:
    """Keys of the second profile, with the key of the first that means the same: parameters.decay -> parameters.dv."""
    if a.shared is None or b.shared is None or kind == "events":
        return {}
    mine, theirs = getattr(a.shared, kind).get(one), getattr(b.shared, kind).get(other)
    if mine is None or theirs is None:
        return {}
    same = {}
    for name, quantity in mine.quantities.items():
        if name in theirs.quantities:
            same[f"parameters.{theirs.quantities[name].of}"] = f"parameters.{quantity.of}"
    if kind == "neurons":
        for name, register in mine.registers.items():
            if name in theirs.registers:
                same[f"registers.{theirs.registers[name]}"] = f"registers.{register}"
    return same


def _present(key: str, mine: Tree, theirs: Tree, pairs: list[tuple[str, str]]) -> Iterator[Section]:
    """Items that only one profile has, and the order of the others where it differs."""
    found = [_alone(name, mine[name], 0) for name in mine if name not in {one for one, _ in pairs}]
    found += [_alone(name, theirs[name], 1) for name in theirs if name not in {other for _, other in pairs}]
    found += _order("order", mine, theirs)
    if found:
        yield Section((key, key), tuple(found))


def _alone(name: str, item: Tree, side: int) -> Entry:
    ends = f"from {flow(item['from'])} to {item['to']}" if "from" in item else "present"
    return Entry((name, name), (ends, None) if side == 0 else (None, ends))


def _compared(place: tuple[str, str], mine: Tree, theirs: Tree, same: Mapping[str, str]) -> Iterator[Section]:
    """One place of both profiles: its keys that differ, then each of its lists of stages that does."""
    x, y = dict(_flat(mine)), dict(_flat(theirs))
    renamed = {key: same[key] for key in y if key in same and same[key] in x and key not in x and same[key] not in y}
    back = {new: old for old, new in renamed.items()}
    z = {renamed.get(key, key): value for key, value in y.items()}
    entries, lists = [], []
    for key in dict.fromkeys((*x, *z)):
        if x.get(key) == z.get(key):
            continue
        if is_stages(x.get(key)) or is_stages(z.get(key)):
            lists.append(key)
        else:
            entries.append(Entry((key, back.get(key, key)), (_said(x, key), _said(z, key))))
    groups = list(dict.fromkeys(_group(key) for key in (*x, *z)))
    for group in groups:
        both = [[key for key in tree if _group(key) == group] for tree in (x, z)]
        entries += _order(f"{group}.order" if group else "order", *both)
    if entries:
        entries.sort(key=lambda entry: groups.index(_group(entry.key[0])))
        yield Section(place, tuple(entries))
    for key in lists:
        yield Section((f"{place[0]}.{key}", f"{place[1]}.{key}"), lines=tuple(_diff(x.get(key, []), z.get(key, []))))


def _flat(tree: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below a place by its dotted key, a list of stages as one value."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(dict(value), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _group(key: str) -> str:
    return key.rpartition(".")[0]


def _said(flat: Tree, key: str) -> str | None:
    if key not in flat:
        return None
    return unsized(flat[key]) if isinstance(flat[key], str) else flow(flat[key])


def _order(key: str, mine: Collection[str], theirs: Collection[str]) -> list[Entry]:
    """The order of what both have, where it differs."""
    orders = [name for name in mine if name in theirs], [name for name in theirs if name in mine]
    texts = [", ".join(name.rpartition(".")[2] for name in order) for order in orders]
    return [] if orders[0] == orders[1] else [Entry((key, key), (texts[0], texts[1]))]


def _diff(mine: list[Any], theirs: list[Any]) -> Iterator[tuple[str, str]]:
    x, y = stage_lines(mine), stage_lines(theirs)
    for tag, start, end, begin, stop in SequenceMatcher(None, x, y, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in x[start:end])
        else:
            yield from (("-", line) for line in x[start:end])
            yield from (("+", line) for line in y[begin:stop])
