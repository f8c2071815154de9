"""What a layer's compiled kernel is called with in every run, made once: its kernel, its weights as they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..datapath import Cap
from ..network.lists import Listed
from ..profile.schema import INPUT, SPIKES, Profile
from .ahead import summed_ahead
from .arrival import Arrival
from .cache import address, compiled, entry
from .emptied import emptied, rested
from .keep import GIVEN, NAMES, input_code
from .kernel import ahead_code, generator, kernel_code, kernel_key
from .listing import AHEAD
from .matrix import asked_for
from .pool import SIDES
from .signature import (
    ACTED,
    DOWN,
    PLACE,
    TABLES,
    Signature,
    ahead_types,
    arguments,
    of_block,
    of_room,
    of_run,
    sum_values,
)
from .sweep import MULTIPLES
from .turn import channels_last
from .vector import LANES
from .weights import aligned, columns, laid_out, most_and_least, most_together, narrowest, ordered, padded
from .wiring import Incoming, Layer


class Source(NamedTuple):
    """Of a projection: its cap, whether what is sent channels last is read, and whether what is noted is."""

    name: str
    cap: Cap
    channels_last: bool
    noted: bool


@dataclass(frozen=True)
class Prepared:
    """A layer's kernel, and its arguments: in `values` those of every run.

    entry: where the kernel begins in memory. registers: of a neuron. sources: of each projection. sent: entries of a
    row of what the layer sends, and their bytes. given: how many arguments differ from run to run. noted: bytes of each
    row of what is noted of who spiked, block: of each other row that there is for every step of a block, room: of each
    that only a call needs, in order of the arguments. ahead: where the kernel begins that makes sums
    ahead; 0: there is none. kept: arrays whose addresses are in `values`.
    """

    entry: int
    values: NDArray[np.int64]
    registers: list[str]
    sources: list[Source]
    sent: tuple[int, int]
    given: int
    noted: list[int]
    block: list[int]
    room: list[int]
    ahead: int
    kept: list[NDArray[Any]]


_PREPARED: WeakKeyDictionary[Layer, dict[tuple[str, bool], Prepared]] = WeakKeyDictionary()
_SIGNATURES: WeakKeyDictionary[Layer, dict[str, Signature]] = WeakKeyDictionary()


def prepare(profile: Profile, layer: Layer, raster: str, state: Mapping[str, NDArray[Any]]) -> Prepared:
    """A layer's kernel and what it is always called with, made once. raster: see `signature`.

    state: the registers [sample, neuron] that a run begins with, where they may not be 0.
    """
    signatures, made = _SIGNATURES.setdefault(layer, {}), _PREPARED.setdefault(layer, {})
    if raster not in signatures:
        signatures[raster] = signature(profile, layer, raster)
    chosen = signatures[raster]
    full = any(state[name].any() for name in {*dict(chosen.emptied), *chosen.rested} if name in state)
    if (raster, full) not in made:
        made[raster, full] = _prepared(profile, layer, replace(chosen, emptied=(), rested=()) if full else chosen)
    return made[raster, full]


@cache
def prepare_input(inputs: int, dtype: str, raster: str) -> Prepared:
    """The kernel that keeps the input, counts of this type, as a layer that sends nothing. raster: as above."""
    values = np.zeros(len(NAMES), np.int64)
    values[NAMES.index("inputs")] = inputs
    start = entry(compiled(f"{generator()}\ninput {dtype} {raster}", lambda: input_code(dtype, raster)))
    return Prepared(start, values, [], [], (0, 0), len(GIVEN), [], [], [], 0, [])


def _prepared(profile: Profile, layer: Layer, chosen: Signature) -> Prepared:
    sources = []
    arrays: dict[str, NDArray[Any]] = {}
    numbers = {"size": layer.size, "padded": layer.size + -layer.size % LANES, "slots": 0}
    types = {name: chosen.row_type(layer.neuron, name) for name in layer.neuron.registers}
    rows = {f"row_{name}": (numbers["padded"], dtype) for name, dtype in types.items()}
    widest = max((*types.values(), layer.dtypes[SPIKES]), key=lambda dtype: np.dtype(dtype).itemsize)
    rows["turned"] = (numbers["padded"], widest)
    order = channels_last(chosen.channels_last, layer.size) if chosen.channels_last else None
    for k, (delays, arrival) in enumerate(zip(_by_projection(layer), chosen.incoming, strict=True)):
        first = delays[0]
        arrays |= laid_out(k, delays, arrival, order)
        numbers |= most_and_least(k, delays)
        pre = _sources(first)
        numbers[f"columns{k}"] = columns(numbers["padded"], arrival.weight)
        numbers |= {f"pre{k}": pre, f"delays{k}": len(delays)}
        numbers |= {f"q{k}_{name}": int(first.values[name]) for name in sum_values(profile.connections[first.via])}
        rows |= {} if arrival.raster else {f"index{k}": (pre + AHEAD, "int32"), f"acting{k}": (pre, "int64")}
        rows |= {f"sums{k}": (numbers["padded"], arrival.total)} if first.sum else {}
        sources.append(Source(first.source, first.cap, bool(arrival.channels_last), arrival.noted))
        arrays[f"lags{k}"] = np.array([i.lag for i in delays], np.int64)
        if arrival.picture and first.picture is not None:
            picture = first.picture
            arrays |= {f"{name}{k}": getattr(picture, name) for name in TABLES}
            numbers |= {f"{name}{k}": way for name, way in zip(DOWN, picture.down, strict=True)}
            arrays[f"kernel{k}"] = np.ascontiguousarray(picture.kernel, arrival.picture)
            extremes = zip(("lowest", "highest"), picture.extremes(), strict=True)
            numbers |= {f"{name}{k}": value for name, value in extremes}
        if arrival.sweep and first.picture is not None and first.picture.swept is not None:
            swept = first.picture.swept
            arrays[f"swept{k}"] = aligned(swept.multiplied(arrival.sweep))
            numbers |= {f"source_high{k}": swept.high, f"source_wide{k}": swept.wide}
            rows |= {f"order{k}": (pre + AHEAD, "int32"), f"begins{k}": (swept.places + 1, "int32")}
        if first.pool is not None:
            numbers |= {f"{name}{k}": side for name, side in zip(SIDES, first.pool.sides, strict=True)}
    words = layer.neuron.parameters | layer.neuron.derived
    numbers |= {f"p_{name}": value for name, value in uniform(layer).items()}
    arrays |= {
        f"p_{name}": padded(np.ascontiguousarray(ordered(layer.parameters[name], order), words[name].dtype))
        for name in words
        if name not in chosen.uniform + chosen.zero
    }
    if layer.aliases is not None:
        arrays["aliases"] = np.ascontiguousarray(layer.aliases)
        numbers["slots"] = layer.aliases.shape[1]
    names = {name: place for place, name in enumerate(arguments(profile, chosen))}
    values = np.zeros(len(names), np.int64)
    for name, value in (numbers | {name: address(array) for name, array in arrays.items()}).items():
        if name in names:
            values[names[name]] = value
    rows |= {name: (numbers["padded"], dtype) for name, dtype in ahead_types(profile, chosen).items()}
    rows |= {name: (ACTED, "int64") for name in of_block(profile, chosen) if name not in rows}
    bytes_ = {name: length * np.dtype(dtype).itemsize for name, (length, dtype) in rows.items()}
    block, room = ([bytes_[name] for name in of(profile, chosen)] for of in (of_block, of_room))
    given, key = len(of_run(layer.neuron, chosen)), kernel_key(profile, chosen)
    start = entry(compiled(key, lambda: kernel_code(profile, chosen)))
    ahead = entry(compiled(f"{key}\nahead", lambda: ahead_code(profile, chosen))) if block else 0
    sent = numbers["padded"], numbers["padded"] * np.dtype(layer.dtypes[SPIKES]).itemsize
    registers = list(layer.neuron.registers)
    noted = [4 * (layer.size + AHEAD), 8 * PLACE] if chosen.noted else []
    return Prepared(start, values, registers, sources, sent, given, noted, block, room, ahead, list(arrays.values()))


def _sources(incoming: Incoming) -> int:
    weights = incoming.synapses[0][1]
    return len(weights.pointers) - 1 if isinstance(weights, Listed) else int(weights.shape[0])


def signature(profile: Profile, layer: Layer, raster: str = "") -> Signature:
    """Which kernel a layer runs on. raster: the type of its channels, if the network's input is one."""
    delayed = _by_projection(layer)
    arrivals = [_arrival(layer, delays, raster if delays[0].source == INPUT else "") for delays in delayed]
    for k in summed_ahead(profile, delayed, arrivals):
        arrivals[k] = replace(arrivals[k], ahead=True)
    same = uniform(layer)
    zero = tuple(name for name, value in same.items() if value == 0)
    incoming = [(each, len(delays), delays[0].values) for each, delays in zip(arrivals, delayed, strict=True)]
    return Signature(
        layer.kind,
        tuple(arrivals),
        layer.aliases is not None,
        tuple(name for name in same if name not in zero),
        zero,
        tuple(emptied(profile, layer.kind, incoming).items()),
        tuple(rested(profile, layer.kind, arrivals)),
        layer.channels_last,
        layer.noted,
    )


def uniform(layer: Layer) -> dict[str, int]:
    """The parameters and derived values that are the same for all neurons of a layer."""
    return {name: int(v.flat[0]) for name, v in layer.parameters.items() if np.all(v == np.asarray(v).flat[0])}


def _arrival(layer: Layer, delays: Sequence[Incoming], raster: str) -> Arrival:
    first, weights = delays[0], [weights for i in delays for _, weights in i.synapses]
    listed = isinstance(weights[0], Listed)
    most = max(abs(first.acting.lo), abs(first.acting.hi), 1) * max(map(most_together, weights)) if first.sum else 0
    total = next(f"int{bits}" for bits in (16, 32, 64) if most < 1 << (bits - 1))
    narrow = narrowest([w.weights if isinstance(w, Listed) else w for w in weights])
    several, channels = len(first.synapses), layer.channels_last
    dense = sum(w.size for w in weights if not isinstance(w, Listed))
    far = asked_for(layer.size, dense * np.dtype(narrow).itemsize)
    plain = Arrival(first.via, several, listed, raster, first.spikes, narrow, total, far=far, noted=first.noted)
    if first.pool is not None and first.pool.channels == first.channels_last == channels:
        return replace(plain, channels_last=channels, windows=first.pool.windows)
    if first.picture is None or first.picture.channels != channels:
        return plain
    drawn = replace(
        plain,
        picture="int16" if narrow == "int8" else narrow,
        usual=first.picture.usual,
        alike=first.picture.alike,
    )
    swept = first.picture.swept
    if swept is None or swept.sweep.planes != first.channels_last:
        return drawn
    multiples = max(1, min(first.acting.hi, MULTIPLES))
    weight = narrowest([swept.kernel * multiples])
    sweep = replace(swept.sweep, multiples=multiples, weight="int16" if weight == "int8" else weight)
    return replace(drawn, channels_last=first.channels_last, sweep=sweep)


def _by_projection(layer: Layer) -> list[list[Incoming]]:
    """What arrives, the delays of one projection together."""
    return [list(delays) for _, delays in groupby(layer.incoming, key=lambda incoming: incoming.projection)]
