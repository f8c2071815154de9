"""The plan of a run: which kernels are called in which order, with which arguments, and where their rows lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..datapath import ANY, Cap, clip_count
from ..ops.array import ArrayOps
from ..ops.code import CACHE_LINE
from ..profile.schema import INPUT, SPIKES
from ..raster import Raster
from ..trace import PAST, Integers
from .cache import address
from .prepare import Prepared
from .schedule import Plan
from .signature import BLOCK, NOTED
from .wiring import Layer

_ONE = np.ones(1, np.int64)
_KEPT = 1 << 20  # bytes of what is sent channels last, and summed ahead, in the steps that are run together
_NOTED = 1 << 22  # bytes of what is noted of who spiked, at most
_MOST_PLANS = 64  # of a network
_PLANS: WeakKeyDictionary[Layer, dict[tuple[int, ...], Plan]] = WeakKeyDictionary()

Table = Mapping[str, Mapping[str, Integers]]


def plan_of(groups: Sequence[Sequence[Layer]], prepared: Mapping[str, Prepared], steps: int) -> Plan:
    """Of runs of so many steps of a network, whose kernels are `prepared`, by layer, and the input's; made once."""
    made, which = _PLANS.setdefault(groups[0][0], {}), (steps, *map(id, prepared.values()))
    if which not in made:
        if len(made) == _MOST_PLANS:
            made.clear()
        neurons = sum(layer.size for group in groups for layer in group)
        names = [[layer.name for layer in group] for group in groups]
        made[which] = _planned([*names, [INPUT]], prepared, steps, neurons)
    return made[which]


def _planned(groups: Sequence[Sequence[str]], prepared: Mapping[str, Prepared], steps: int, neurons: int) -> Plan:
    read = {source.name for each in prepared.values() for source in each.sources if source.channels_last}
    block, abreast = _together(prepared, read, steps)
    places, room = _places(prepared, read, block)
    sends = {name: (places[name][0], each.sent[0] * (name in read)) for name, each in prepared.items()}
    first: dict[str, int] = {}
    arguments, own, given = (list[int]() for _ in range(3))
    for name, each in prepared.items():
        first[name] = len(arguments)
        senders = [name, *(source.name for source in each.sources if source.channels_last)]
        sent = [number for sender in senders for number in sends[sender]]
        noted = [place for source in each.sources if source.noted for place in _of_notes(places[source.name])]
        rows = [*noted, *places[name][1:]]
        behind = len(BLOCK) + len(sent) + len(rows)
        arguments += [*each.values[: len(BLOCK)], *sent, *rows, *each.values[behind:]]
        own += [0] * len(BLOCK) + [1, 0] * (len(sent) // 2) + [1] * len(rows) + [0] * (len(each.values) - behind)
        given += range(first[name] + behind, first[name] + behind + each.given)
    rest, kernels = [0] * (-len(arguments) % (CACHE_LINE // 8)), _kernels(groups, prepared)
    return Plan(
        steps,
        block,
        abreast,
        neurons,
        bounds=np.array([0, *accumulate(map(len, kernels))], np.int64),
        kernels=np.array([(entry, first[name]) for group in kernels for name, entry in group], np.int64),
        arguments=np.array(arguments + rest, np.int64),
        given=np.array(given, np.int64),
        own=np.array(own + rest, np.int64),
        room=room,
    )


def _together(prepared: Mapping[str, Prepared], read: Collection[str], steps: int) -> tuple[int, int]:
    """How many steps are run together, and of how many samples: as many as the cache holds what is kept of.

    read: who sends channels last to a layer that reads it so.
    """
    ahead = sum(sum(each.block) for each in prepared.values())
    kept = ahead + sum(prepared[name].sent[1] for name in read)
    block = min(steps, max(1, _KEPT // kept)) if kept else steps
    noted = sum(sum(each.noted) for each in prepared.values())
    block = min(block, max(1, _NOTED // noted)) if noted else block
    abreast = max(1, _KEPT // (kept * block)) if ahead else 1
    return block, min(abreast, max(1, _NOTED // (noted * block))) if noted else abreast


def _of_notes(places: Sequence[int]) -> Sequence[int]:
    """Of the places of a layer that notes who spiked, those of its notes (see `_places`)."""
    return places[1 : 1 + len(NOTED)]


def _places(prepared: Mapping[str, Prepared], read: Collection[str], block: int) -> tuple[dict[str, list[int]], int]:
    """Where the rows of each layer lie in a sample's memory, each with a cache line: what it sends first, for all steps
    of a block if it is `read`, what it notes, and the others; and the bytes of all.
    """
    places, end = {}, 0
    for name, each in prepared.items():
        of_block = (row * block for row in (*each.noted, *each.block))
        sizes = [each.sent[1] * (block if name in read else 1), *of_block, *each.room]
        *places[name], end = accumulate((-(-size // CACHE_LINE) * CACHE_LINE for size in sizes), initial=end)
    return places, end


def _kernels(groups: Sequence[Sequence[str]], prepared: Mapping[str, Prepared]) -> list[list[tuple[str, int]]]:
    """Of each group: of which layer, and where each begins in memory. What is summed ahead comes before its group."""
    kernels: list[list[tuple[str, int]]] = []
    for group in groups:
        kernels += [[(name, prepared[name].ahead)] for name in group if prepared[name].ahead]
        kernels.append([(name, prepared[name].entry) for name in group])
    return kernels


@dataclass(frozen=True)
class Arrays:
    """Of a run, [sample, ...]. steps: of it. rested: whether its state is to begin with 0."""

    inputs: Integers | Raster
    outputs: Mapping[str, Integers]
    state: Table
    recorded: Table
    counts: Mapping[str, NDArray[np.int64]]
    steps: int
    rested: bool


def arguments_of(plan: Plan, prepared: Mapping[str, Prepared], arrays: Arrays) -> tuple[NDArray[np.int64], list[Any]]:
    """A plan's arguments with those of a run, and what must live until it ends."""
    sent, raster = dict(arrays.outputs), None
    if isinstance(arrays.inputs, Raster):
        raster = arrays.inputs
    else:
        sent[INPUT] = arrays.inputs
    steps, alive = arrays.steps, [raster]
    spikes = {name: (address(rows), rows.shape[1], rows.shape[1] - steps) for name, rows in sent.items()}
    given: list[int] = []
    for name, each in prepared.items():
        state = arrays.state[name]
        kept = address(state[SPIKES]), address(state[PAST]) if PAST in state else 0
        if name == INPUT:
            given += (*spikes[INPUT], 0, 0, 0) if raster is None else _raster(raster, ANY, steps, alive)
            given += kept
            continue
        recorded, (out, *rows) = arrays.recorded[name], spikes[name]
        given += [*rows, steps, out, *kept, address(arrays.counts[name]), int(arrays.rested)]
        for source in each.sources:
            listed = raster if source.name == INPUT else None
            given += spikes[source.name] if listed is None else _raster(listed, source.cap, steps, alive)
        given += [address(state[register]) for register in each.registers]
        given += [address(recorded[register]) if register in recorded else 0 for register in each.registers]
    arguments = plan.arguments.copy()
    arguments[plan.given] = given
    return arguments, alive


def _raster(raster: Raster, cap: Cap, steps: int, alive: list[Any]) -> tuple[int, ...]:
    """The arguments of a projection whose source is a raster; what they need is kept in `alive`."""
    graded = raster.counts is not None
    acting = clip_count(ArrayOps(), raster.counts, cap).astype(np.int64) if graded else _ONE
    alive.append(acting)
    rows = raster.shape[1]
    return address(raster.pointers), rows, rows - steps, address(raster.index), address(acting), int(graded)
