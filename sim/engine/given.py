"""What a run is given: spikes and a state, checked against the network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..network.network import Network
from ..ops.code import CACHE_LINE
from ..profile.schema import INPUT, SPIKES, storage
from ..raster import Raster
from ..trace import PAST, Integers, State
from . import memory
from .wiring import reach_back


def check_raster(spikes: Raster, network: Network) -> Raster:
    """A raster that fits the network's input. Raises InputError."""
    word = network.input_word
    if spikes.shape[2] != network.inputs:
        raise InputError(f"spikes: found {spikes.shape[2]} channels; allowed: {network.inputs}")
    if 0 in spikes.shape:
        raise InputError(f"spikes: found shape {spikes.shape}; at least one sample and one step are needed")
    if spikes.fault:
        raise InputError(f"spikes: {spikes.fault}")
    if spikes.counts is not None and (spikes.counts.min() < word.min or spikes.counts.max() > word.max):
        at = int(np.flatnonzero((spikes.counts < word.min) | (spikes.counts > word.max))[0])
        sample, step = divmod(int(np.searchsorted(spikes.pointers, at, "right")) - 1, spikes.shape[1])
        place = f"sample {sample}, step {step}, input {spikes.index[at]}"
        raise InputError(f"spikes: {place}: found {spikes.counts[at]}; allowed: {word.min} to {word.max}")
    return spikes


def check_spikes(spikes: ArrayLike | Raster, network: Network) -> Integers:
    """Input spikes [sample, step, input] in the narrowest type of the profile's input word. Raises InputError."""
    inputs, word = network.inputs, network.input_word
    if isinstance(spikes, Raster):
        return check_raster(spikes, network).dense(dtype=word.dtype)
    try:
        array = np.asarray(spikes)
    except ValueError:
        raise InputError("spikes: not a rectangular array") from None
    expected = f"[sample, step, {inputs}] or [step, {inputs}]"
    if array.dtype == object and not array.ndim:
        raise InputError(f"spikes: found {type(spikes).__name__}; allowed: {expected}")
    if array.ndim not in (2, 3) or array.shape[-1] != inputs:
        raise InputError(f"spikes: found shape {array.shape}; allowed: {expected}")
    if array.dtype.kind not in "iub":
        raise InputError(f"spikes: found {array.dtype} values; integers {word.min} to {word.max} are needed")
    if 0 in array.shape:
        raise InputError(f"spikes: found shape {array.shape}; at least one sample and one step are needed")
    array = array if array.ndim == 3 else array[None]
    if array.dtype.kind != "b" and (array.min() < word.min or array.max() > word.max):
        at = np.argwhere((array < word.min) | (array > word.max))[0]
        place = f"sample {at[0]}, step {at[1]}, input {at[2]}"
        raise InputError(f"spikes: {place}: found {array[tuple(at)]}; allowed: {word.min} to {word.max}")
    return np.ascontiguousarray(array, word.dtype)


def initial_state(network: Network, samples: int = 1) -> State:
    """Every register 0 and no spike on its way; may be changed and given to `run`."""
    return {
        name: {register: np.zeros((samples, *shape), dtype) for register, (shape, dtype) in registers.items()}
        for name, registers in _rows_of(network).items()
    }


def unset_state(network: Network, samples: int) -> State:
    """The same, but that it holds anything: for a run that starts at 0 itself."""
    layers = _rows_of(network)
    sizes = (prod(shape) * dtype.itemsize * samples for rows in layers.values() for shape, dtype in rows.values())
    *places, end = accumulate((size + -size % CACHE_LINE for size in sizes), initial=0)
    block, place = memory.empty((end,), np.dtype(np.uint8)), iter(places)
    return {
        name: {
            register: np.ndarray((samples, *shape), dtype, block, next(place))
            for register, (shape, dtype) in registers.items()
        }
        for name, registers in layers.items()
    }


Rows = dict[str, dict[str, tuple[tuple[int, ...], np.dtype[Any]]]]
_ROWS: WeakKeyDictionary[Network, Rows] = WeakKeyDictionary()


def _rows_of(network: Network) -> Rows:
    """As `_rows`, made once."""
    rows = _ROWS.get(network)
    if rows is None:
        rows = _ROWS[network] = _rows(network)
    return rows


def _rows(network: Network) -> Rows:
    """Shape of one sample, and type, of every array of a state."""
    rows: Rows = {INPUT: {SPIKES: ((network.inputs,), np.dtype(network.input_word.dtype))}}
    for population in network.populations:
        neuron = network.neuron_class(population)
        rows[population.name] = {
            register: ((population.size,), np.dtype(storage(neuron, register).dtype))
            for register in (*neuron.registers, SPIKES)
        }
    for name, back in reach_back(network).items():
        if back > 1:
            shape, dtype = rows[name][SPIKES]
            rows[name][PAST] = ((back - 1, *shape), dtype)
    return rows


def check_state(state: Mapping[str, Mapping[str, ArrayLike]], network: Network, samples: int) -> State:
    """A copy of a state, of the right shape and range. Raises InputError."""
    fresh = initial_state(network, samples)
    for name, registers in fresh.items():
        for register, values in registers.items():
            place = f"state: {name}.{register}"
            try:
                given = np.asarray(state[name][register])
            except (KeyError, TypeError, IndexError):
                raise InputError(f"{place}: missing") from None
            except ValueError:
                raise InputError(f"{place}: not a rectangular array") from None
            if given.shape != values.shape or given.dtype.kind not in "iub":
                raise InputError(f"{place}: found {given.dtype} {given.shape}; allowed: integers {values.shape}")
            low, high = _range(network, name, register)
            if given.min() < low or given.max() > high:
                raise InputError(f"{place}: found {given.min()} to {given.max()}; allowed: {low} to {high}")
            values[...] = given
    return fresh


def _range(network: Network, layer: str, register: str) -> tuple[int, int]:
    if layer == INPUT:
        return network.input_word.min, network.input_word.max
    neuron = network.neuron_class(network.population(layer))
    if register in (SPIKES, PAST):
        return neuron.emission
    word = storage(neuron, register)
    return word.min, word.max
