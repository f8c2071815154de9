"""What a schema cannot say about a profile: every name exists, every value has a place, every step is computable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..datapath import SPIKES, WEIGHT, Add, Branch, Condition, Decay, Fire, Set, Shift
from ..ops.base import Relation
from ..ops.interval import Interval, IntervalOps, Maybe
from ..wording import suggest
from ..word import MAX_BITS, Word
from ..yaml_nodes import Fault, Path
from .analysis import held, widest
from .schema import INPUT, Connection, NeuronClass, Profile

RESERVED = (SPIKES, INPUT, WEIGHT)
MAX_SHIFT = 63  # the most that every interpreter shifts a 64-bit integer by


class ProfileWarning(UserWarning):
    """Something in a profile that computes, but hardly what was meant."""
