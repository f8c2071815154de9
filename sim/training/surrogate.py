"""Surrogate gradients: smooth stand-ins for the derivative of a spike, in units of the threshold.

Each is a density h over x = (u - threshold) / |threshold| that integrates to 1; per LSB it is
h(x) / |threshold|, with 1 for a threshold of 0. Several spikes a step sum it over the crossings at m * threshold.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ..word import Word
from .crossing import BitGradient, check_positive, crossings


@dataclass(frozen=True)
class Surrogate(BitGradient):
    """A surrogate of a `width` (above 0, in units of the threshold) that each kind explains."""

    width: float = 0.5

    def __post_init__(self) -> None:
        """Raise InputError for a width that is not allowed."""
        check_positive(f"{type(self).__name__}: width", self.width)

    @abstractmethod
    def density(self, x: Tensor) -> Tensor:
        """h(x), x in widths from the crossing; integrates to 1 over x."""

    def tabulated(self, word: Word, repeat: int) -> bool:
        """A table pays for several crossings only."""
        return repeat > 1 and super().tabulated(word, repeat)

    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """h summed over the crossings that the word can hold; those of a threshold of 0 or less coincide."""
        threshold = threshold.to(u.dtype)
        unit = threshold.abs().clamp(min=1) * self.width
        total = torch.zeros((), dtype=u.dtype, device=u.device)
        for crossing, reachable in crossings(threshold, word, repeat):
            total = total + self.density((u - crossing) / unit) * (reachable / unit)
        return total


class Arctan(Surrogate):
    """h(x) = 1 / (pi a (1 + (x/a)**2)), a = width: half its peak at a.

    Fang et al., ICCV 2021; the alpha of SpikingJelly's ATan is 2 / (pi a).
    """

    def density(self, x: Tensor) -> Tensor:
        """1 / (pi (1 + x**2))"""
        return 1 / (math.pi * (1 + x * x))


class FastSigmoid(Surrogate):
    """h(x) = 1 / (2 a (1 + |x|/a)**2), a = width: a quarter of its peak at a.

    Zenke and Ganguli, Neural Computation 30, 2018 (SuperSpike), whose slope beta is 1 / a.
    """

    def density(self, x: Tensor) -> Tensor:
        """1 / (2 (1 + |x|)**2)"""
        return 0.5 / (1 + x.abs()).square()


class Triangle(Surrogate):
    """h(x) = max(0, 1 - |x|/a) / a, a = width: 0 from a on.

    Bellec et al., NeurIPS 2018, with a = 1 and a factor of 0.3.
    """

    def density(self, x: Tensor) -> Tensor:
        """max(0, 1 - |x|)"""
        return (1 - x.abs()).clamp(min=0)


class Boxcar(Surrogate):
    """h(x) = 1 / (2 a) for |x| <= a, else 0, a = width.

    Wu et al., Frontiers in Neuroscience 12, 2018 (STBP), whose a_1 is 2 a.
    """

    def density(self, x: Tensor) -> Tensor:
        """1/2 for |x| <= 1"""
        return 0.5 * (x.abs() <= 1).to(x.dtype)
