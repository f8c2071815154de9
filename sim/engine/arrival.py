"""A projection as a kernel is made for it, and the one decision how it is delivered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ..network.geometry import Pair
from ..profile.analysis import arriving, effective_weight
from ..profile.schema import Profile
from .pool import Windows
from .sweep import Sweep
from .vector import bounded


@dataclass(frozen=True)
class Arrival:
    """A projection that a kernel delivers, by its connection `via`.

    synapses: how many registers it reaches. listed: whether its weights are lists (for each of its delays) or a
    matrix (it has one delay). raster: the type of the channels, where the source's spikes are lists, too; else ''.
    Types: of the source's spikes, the weights, and sums that hold whatever can arrive. picture: the type of a
    convolution's kernel; '' if there is none, or if it is not computed as one. usual: how many runs of how many places
    its patches have, as a rule; alike: always, and each source has one. channels_last: of the source, if its spikes are
    read so; then it is a pool, of these `windows`, or a picture that may be computed place by place, as `sweep` says.
    ahead: whether its sums are made before the steps in which they arrive (see there). far: whether its matrices are
    asked for before they are read (see `matrix.asked_for`). noted: whether the source notes who spiked.
    """

    via: str
    synapses: int
    listed: bool
    raster: str
    spikes: str
    weight: str
    total: str
    picture: str = ""
    usual: Pair = (0, 0)
    alike: bool = False
    channels_last: int = 0
    sweep: Sweep | None = None
    windows: Windows | None = None
    ahead: bool = False
    far: bool = False
    noted: bool = False


class Way(Enum):
    """How a projection is delivered. Without a sum, POOL, PICTURE and PLAIN_LISTS are only for steps in which no
    register can pass its word on the way; in others LISTS.
    """

    POOL = auto()
    PICTURE = auto()
    PLAIN_LISTS = auto()
    LISTS = auto()
    MATRIX = auto()


def way_of(profile: Profile, arrival: Arrival) -> Way:
    """How a kernel delivers a projection: what `kernel` follows and `choice` puts into words."""
    connection = profile.connections[arrival.via]
    if not arrival.listed:
        return Way.MATRIX
    if arrival.windows is not None:
        return Way.POOL
    plain = bounded(effective_weight(profile, connection), arriving(profile, connection))
    if plain and arrival.picture:
        return Way.PICTURE
    return Way.PLAIN_LISTS if plain and connection.sum is None else Way.LISTS
