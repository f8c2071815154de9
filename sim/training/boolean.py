"""The Boolean gradient of a spike: how the spike follows from the register's own bits.

Yoo and Jeong, Complex & Intelligent Systems 11, 2025, doi 10.1007/s40747-024-01607-9. Toggling a bit
changes the register by the bit's place value; the gradient is the change of the spikes over that change
of the register, summed over the bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..word import Word
from .crossing import BitGradient, check_flag, check_natural, check_positive, spike_count


@dataclass(frozen=True)
class BooleanGradient(BitGradient):
    """g(u) = sum over bits i >= k, the sign bit left out, of D_i(u) * w_i**-p, per LSB; w_i = 2**i.

    D_i(u) is the number of spikes by which toggling bit i of `u` changes the step: 0 or 1 for one spike a
    step, the sum over the crossings for several. The defaults are the paper's gradient.

    `k`, `top`: the least and the highest bit that is toggled; None: the word's highest below its sign.
    `p`: the power of the place value, above 0.
    `dither`: the mean over all alignments of `u` and threshold to the bits' grid. For one spike a step
    1/2 * sum over i >= k of [dist <= w_i] * w_i**-p, dist = u - threshold + 1 where it spikes, else threshold - u.
    `sign_bit`: also subtract the sign bit's D / w**p, as the authors' program does; signed words, no dither.
    `clamp`: limit g to 0 .. clamp / |threshold|, spikes per threshold; None: no limit. The authors' program limits
    its gradient to 0 .. 500 and divides by 500, for a threshold of 0.3: clamp 150, and the recipe's scale 0.002.
    `aligned`: refuse thresholds that 2**k does not divide. At those bits below k change no spike, so that k drops
    nothing: the coarse gradient is the paper's own, and the chip keeps thresholds with k trailing zeros.
    """

    k: int = 0
    p: float = 1.0
    dither: bool = False
    sign_bit: bool = False
    clamp: float | None = None
    aligned: bool = False
    top: int | None = None

    def __post_init__(self) -> None:
        """Raise InputError for an option that is never allowed."""
        check_natural("boolean gradient: k", self.k)
        check_positive("boolean gradient: p", self.p)
        for name in ("dither", "sign_bit", "aligned"):
            check_flag(f"boolean gradient: {name}", getattr(self, name))
        if self.clamp is not None:
            check_positive("boolean gradient: clamp", self.clamp)
        if self.top is not None:
            check_natural("boolean gradient: top", self.top)
            if self.top < self.k:
                raise InputError(f"boolean gradient: top: found {self.top}; allowed: k or more, {self.k}")
        if self.dither and self.sign_bit:
            raise InputError("boolean gradient: sign_bit: found True; allowed with dither: false")

    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """The definition, one bit after the other."""
        places = self._places(word)
        values, thresholds = u.long(), threshold.long()
        for misaligned in thresholds[thresholds % (1 << self.k) != 0].tolist() if self.aligned else ():
            self.check_threshold(misaligned)
        count = spike_count(values, thresholds, word, repeat)
        total = torch.zeros(count.shape, dtype=u.dtype, device=u.device)
        for place, weight in places:
            if self.dither:
                above = spike_count(values.clamp(max=word.max - place) + place, thresholds, word, repeat)
                below = spike_count(values - place, thresholds, word, repeat)
                change = (above - below).to(u.dtype) / 2
            else:
                change = (spike_count(values ^ place, thresholds, word, repeat) - count).abs().to(u.dtype)
            total += change * weight
        if self.clamp is None:
            return total
        return torch.minimum(total.clamp(min=0), self.clamp / threshold.abs().clamp(min=1).to(u.dtype))

    def check_threshold(self, threshold: int, above: bool = False) -> None:
        """Raise InputError where `aligned` does not allow it. `above`: it spikes above the threshold, not at it."""
        grid = 1 << self.k
        first = threshold + above
        if self.aligned and first % grid:
            below = first - first % grid - above
            raise InputError(
                f"found {threshold}; allowed with aligned: true, k: {self.k}: every {grid}, "
                f"next to it {below} and {below + grid}"
            )

    def bits(self, word: Word) -> range:
        """The bits that are toggled, without the sign bit. Raises InputError where `word` has not got them."""
        value_bits = word.bits - word.signed
        for name, bit in (("k", self.k), ("top", self.top)):
            if bit is not None and bit >= value_bits:
                allowed = f"0 to {value_bits - 1}" if value_bits else "none, it has no bit but its sign"
                raise InputError(f"boolean gradient: {name}: found {bit}; allowed for {word}: {allowed}")
        return range(self.k, value_bits if self.top is None else self.top + 1)

    def _places(self, word: Word) -> list[tuple[int, float]]:
        """The place value of every bit that is toggled, and what a spike that it changes counts.

        The sign bit's is negative: XOR with it flips the sign bit of a sign-extended value, too.
        """
        places = [(1 << bit, 2.0 ** (-self.p * bit)) for bit in self.bits(word)]
        if self.sign_bit and not word.signed:
            raise InputError(f"boolean gradient: sign_bit: found True; allowed for {word}, which is unsigned: false")
        if self.sign_bit:
            places.append((word.min, -(2.0 ** (-self.p * (word.bits - 1)))))
        return places
