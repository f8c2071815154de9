"""What a user would want to know of a network before it goes to a chip: neurons that do nothing, or always the same.

What is `proved` holds for every input, from registers that are 0; what is not was seen on the samples given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..engine.run import run
from ..network.network import Network
from ..profile.schema import INPUT
from ..raster import Raster


@dataclass(frozen=True)
class Finding:
    """One thing that is true of a layer, and what to change.

    kind: what it is: KINDS. subject: the register, parameter or projection that it is about. count: of how many of
    the layer's `of` neurons (of a projection: its weights) it is true; None where that is not known. proved: for any
    input, else on the samples given.
    """

    kind: str
    layer: str
    subject: str
    count: int | None
    of: int
    what: str
    change: str
    proved: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding at another time."""
        return self.kind, self.layer, self.subject

    @property
    def share(self) -> float | None:
        """The part of the neurons or weights that it is true of."""
        return None if self.count is None else self.count / self.of

    def __str__(self) -> str:
        many = "" if self.share is None else f"{self.count:,} of {self.of:,} {self._unit} ({_percent(self.share)}) "
        return f"layer {self.layer}: {many}{self.what}; {self.change}"

    @property
    def _unit(self) -> str:
        if self.kind in KINDS_OF_WEIGHTS:
            return "weights"
        return "channels" if self.layer == INPUT else "neurons"

    def json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "share": self.share, "text": str(self)}


KINDS_OF_WEIGHTS = {
    "zero_weights": "many weights are 0",
    "end_weights": "many weights are at an end of their word",
    "lost_weights": "the format makes 0 of weights that are not",
    "cut_weights": "the format clips or wraps weights",
    "tight_weights": "few weights can be other than 0 if no register is to overflow",
}
KINDS = {
    "unconnected": "no weight other than 0 reaches them",
    "deaf": "a register loses what arrives before it is used",
    "unreachable": "no input reaches their threshold",
    "always": "they spike on every step",
    "silent": "they never spike",
    "overflow": "a register overflowed",
    "capped": "they often send their most spikes a step and have more to send",
    "cut": "a connection counted fewer spikes than were sent",
    **KINDS_OF_WEIGHTS,
}


def _percent(share: float) -> str:
    return f"{share:.2%}" if 0 < share < 0.01 or 0.99 < share < 1 else f"{share:.0%}"


def findings(
    network: Network,
    spikes: ArrayLike | Raster | None = None,
    most_input: int | None = None,
    weight_bits: int | None = None,
) -> list[Finding]:
    """All of them: what is proved, and where samples are given (as for `run`; clock: step) what is seen on them.

    most_input: the most spikes of an input channel in a step; None: what the profile's input word holds.
    weight_bits: bits that the weights were trained in; None: those of their word.
    """
    from .observed import deciding, observed
    from .proved import proved

    known = proved(network, most_input, weight_bits)
    if spikes is None:
        return known
    given = spikes if isinstance(spikes, Raster) else np.asarray(spikes)
    trace = run(network, given, record=deciding(network))
    return known + observed(network, trace, given, known)


def whose(flags: Sequence[bool] | Any) -> tuple[int, int]:
    """How many are true, of how many."""
    return int(np.count_nonzero(flags)), int(np.size(flags))
