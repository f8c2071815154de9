"""The clocked engine: one compiled kernel a layer, over all steps of a sample; samples run on threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..profile.schema import INPUT, SPIKES, Profile
from ..raster import Raster, index_type
from ..trace import PAST, Integers, State
from .oracle import RefusedOverflowError
from .plan import Arrays, Table, arguments_of, plan_of
from .prepare import prepare, prepare_input
from .schedule import run_samples
from .threads import available_threads
from .vector import EXTRA
from .wiring import Layer


def simulate(
    profile: Profile,
    groups: Sequence[Sequence[Layer]],
    spikes: Integers | Raster,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Table,
    overflows: Mapping[str, Integers],
    threads: int | None = None,
    rested: bool = False,
) -> None:
    """As `oracle.simulate`, but that `outputs` have leading rows: the spikes before step 0 that may still act.

    A raster is taken as it is, behind what came before it where input is delayed. rested: whether all of the state is
    to begin with 0; then what it holds is not read, nor are the leading rows.

    Raises RefusedOverflowError.
    """
    layers = [layer for group in groups for layer in group]
    given: Integers | Raster = spikes
    if any(i.lag for layer in layers for i in layer.incoming if i.source == INPUT):
        given = _with_past(spikes, state[INPUT], rested)
    raster = index_type(given.shape[2]).__name__ if isinstance(given, Raster) else ""
    prepared = {layer.name: prepare(profile, layer, raster, {} if rested else state[layer.name]) for layer in layers}
    prepared[INPUT] = prepare_input(given.shape[2], state[INPUT][SPIKES].dtype.name, raster)
    samples = spikes.shape[0]
    counts = {layer.name: np.zeros((samples, len(layer.neuron.registers) + len(EXTRA)), np.int64) for layer in layers}
    plan = plan_of(groups, prepared, spikes.shape[1])
    arrays = Arrays(given, outputs, state, recorded, counts, spikes.shape[1], rested)
    arguments, _alive = arguments_of(plan, prepared, arrays)
    available = available_threads()  # each has memory of its own, so more would only take that
    run_samples(plan, arguments, samples, min(samples, available, threads or available))
    _count(counts, overflows)


def _with_past(spikes: Integers | Raster, state: Mapping[str, Integers], rested: bool) -> Integers | Raster:
    """Input spikes behind the rows before step 0, which may still act. rested: these are empty."""
    past = [state[PAST]] if PAST in state else []
    earlier = np.concatenate([*past, state[SPIKES][:, None]], axis=1)
    earlier = np.zeros_like(earlier) if rested else earlier
    return spikes.behind(earlier) if isinstance(spikes, Raster) else np.concatenate([earlier, spikes], axis=1)


def _count(counts: Mapping[str, NDArray[np.int64]], overflows: Mapping[str, Integers]) -> None:
    """Add what was counted of each sample. Raises RefusedOverflowError."""
    if not any(map(np.count_nonzero, counts.values())):
        return
    refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
    if refused.size:
        raise RefusedOverflowError(int(refused[0]))
    for name, count in counts.items():
        overflows[name][:] += count[:, : overflows[name].size].sum(axis=0)
