"""How much of a network takes part in learning: a gradient family over the registers that decided.

The claim of Yoo and Jeong (2025): with coarse time steps potentials jump over the narrow peak of the Boolean gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError
from ..ops.tensor import TensorOps
from ..profile.decision import Decision
from .crossing import BitGradient
from .gradient import make_gradient

Reals = NDArray[np.float64]
AUTHORS_CLAMP = 150.0  # spikes a threshold: 500 for a threshold of 0.3
SCANNED = 1 << 16  # register values either side of the threshold among which the peak is sought


@dataclass(frozen=True)
class Member:
    """A gradient of the family, as a recipe names it."""

    kind: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """`boolean k 7, dither`."""
        shown = [name if value is True else f"{name} {value}" for name, value in self.options.items()]
        return f"{self.kind} {', '.join(shown)}".rstrip()

    @property
    def gradient(self) -> BitGradient:
        """The gradient itself."""
        return make_gradient(self.kind, **self.options)


def family(decision: Decision, threshold: int) -> Iterator[Member]:
    """Every kind of gradient that the register's word allows, coarse ones with k near log2(threshold) - 2."""
    word = decision.word
    top = max(0, word.bits - word.signed - 1)
    k = min(max(0, abs(threshold).bit_length() - 3), top)
    authors: dict[str, Any] = {"sign_bit": True, "clamp": AUTHORS_CLAMP}
    boolean = [{}, authors, {"k": k}, {"p": 0.5}, {"dither": True}, {"k": k, "dither": True}]
    members = [Member("boolean", options) for options in boolean]
    if (threshold + decision.above) % (1 << k) == 0:
        members.insert(3, Member("boolean", {"k": k, "aligned": True}))
    members += [Member("float_boolean", {"format": name}) for name in ("float16", "bfloat16", "float32")]
    members.append(Member("trajectory", {"k": k, "top": min(k + 3, top)}))
    members += [Member(kind, {}) for kind in ("arctan", "fast_sigmoid", "triangle", "boxcar")]
    for member in members:
        try:
            slopes(member.gradient, decision, threshold, np.zeros(1))
        except InputError:  # such as a sign bit of a word without one
            continue
        yield member


def slopes(gradient: BitGradient, decision: Decision, threshold: Any, values: Reals, once: bool = False) -> Reals:
    """d(spikes)/d(register), per LSB, as the decision compares; values and threshold broadcast. once: one spike."""
    u = torch.from_numpy(np.asarray(values, np.float64))
    theta = torch.as_tensor(np.asarray(threshold, np.float64))
    repeat = 1 if once else decision.branch.repeat
    found = TensorOps(gradient).slope(1, decision.relation, decision.word, repeat, u, theta)
    return np.asarray(found.expand(np.broadcast_shapes(u.shape, theta.shape)).numpy())


@dataclass(frozen=True)
class Participation:
    """peak: the greatest slope, spikes per LSB. reach: the farthest from the threshold where it is half of it, LSB.

    Over all samples, steps and neurons: nonzero, the share that has a gradient; ratio, (sum |g|)**2 / (n sum g**2), 1
    where all learn alike, 1 / n where one does alone; overshoot, of those at or beyond the threshold the share that is
    beyond reach; undershoot, the same of the others. None where there are none.
    """

    peak: float
    reach: int
    nonzero: float | None = None
    ratio: float | None = None
    overshoot: float | None = None
    undershoot: float | None = None

    def json(self) -> dict[str, Any]:
        """For a program to read."""
        return asdict(self)


def participation(
    gradient: BitGradient, decision: Decision, threshold: int, values: NDArray[np.int64] | None = None
) -> Participation:
    """What a gradient does on registers `values` before their reset, any shape, all of one threshold."""
    word = decision.word
    near = np.arange(max(word.min, threshold - SCANNED), min(word.max, threshold + SCANNED) + 1, dtype=np.float64)
    found = abs(slopes(gradient, decision, threshold, near, once=True))
    peak = float(found.max(initial=0))
    distance = abs(near - threshold)
    reach = int(distance[found >= peak / 2].max()) if peak else 0
    if values is None or not values.size:
        return Participation(peak, reach)
    slope = abs(slopes(gradient, decision, threshold, values.ravel().astype(np.float64)))
    beyond, squares = values.ravel() - threshold, float((slope * slope).sum())
    above, below = beyond[beyond >= 0], -beyond[beyond < 0]
    return Participation(
        peak,
        reach,
        float(np.mean(slope > 0)),
        float(slope.sum() ** 2 / (slope.size * squares)) if squares else 0.0,
        float(np.mean(above > reach)) if above.size else None,
        float(np.mean(below > reach)) if below.size else None,
    )
