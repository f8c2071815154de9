"""Biases where neurons have none: an input channel that spikes in every step carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...network.geometry import Sparse
from ...network.parts import Projection
from ...profile.schema import INPUT, Profile
from .operators import Floats
from .plan import Placed
from .target import grids


def with_ones(
    projections: list[Projection],
    biases: Mapping[str, Floats],
    layers: Mapping[str, Placed],
    inputs: int,
    profile: Profile,
    faults: list[str],
) -> list[Projection]:
    """The projections of a network whose input has a channel more, its last; biases: what it adds, by layer.

    inputs: channels without it. faults: what is wrong is added.
    """
    widened = [_widened(projection, layers, faults) for projection in projections]
    return widened + [_constant(layers[name], wanted, inputs, profile, faults) for name, wanted in biases.items()]


def _widened(projection: Projection, layers: Mapping[str, Placed], faults: list[str]) -> Projection:
    """A projection from the input, with a channel more."""
    if projection.source != INPUT or isinstance(projection.shape, Sparse):
        return projection
    if projection.shape is not None:
        layer = layers[projection.target].layer
        faults.append(
            f"node '{projection.target if layer is None else layer.node}': found a picture from the input; "
            "allowed with --bias channel: inputs without a shape"
        )
        return projection
    weights = np.asarray(projection.weights)
    padded = np.concatenate([weights, np.zeros((1, *weights.shape[1:]), np.int64)])
    return replace(projection, weights=padded)


def _constant(placed: Placed, wanted: Floats, channel: int, profile: Profile, faults: list[str]) -> Projection:
    """What the channel of ones adds to a layer: its bias."""
    reaching = (via for via, one in profile.connections.items() if INPUT in one.sources and one.target == placed.neuron)
    via = next(reaching, None)
    if via is None or placed.layer is None:
        faults.append(f"node '{placed.name}': found a bias; allowed on {profile.name}: none, as no input reaches it")
        return Projection(INPUT, placed.name, 0)
    ladder = grids(profile, via, (bool((wanted < 0).any()), bool((wanted > 0).any())))
    above, below = float(max(wanted.max(), 0)), float(max(-wanted.min(), 0))
    grid = next((one for one in ladder if one.most(True) >= above and one.most(False) >= below), ladder[-1])
    parameters = {**dict.fromkeys(profile.connections[via].parameters, 0), **grid.parameters}
    shape = Sparse(np.full(placed.size, channel), np.arange(placed.size))
    return Projection(INPUT, placed.name, grid.round(wanted)[0], via, parameters, shape)
