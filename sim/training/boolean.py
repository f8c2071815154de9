"""The Boolean gradient of a spike: how the spike follows from the register's own bits.

Yoo and Jeong, Complex & Intelligent Systems 11, 2025, doi 10.1007/s40747-024-01607-9. Toggling a bit
changes the register by the bit's place value; the gradient is the change of the spikes over that change
of the register, summed over the bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..errors import InputError
from ..ops.base import Relation
from ..word import Word
from .crossing import BitGradient, check_positive, spike_count


@dataclass(frozen=True)
class BooleanGradient(BitGradient):
    """g(u) = sum over bits i >= k, the sign bit left out, of D_i(u) * w_i**-p, per LSB; w_i = 2**i.

    D_i(u) is the number of spikes by which toggling bit i of `u` changes the step: 0 or 1 for one spike a
    step, the sum over the crossings for several. The defaults are the paper's gradient.

    `k`: the least bit that is toggled, up to the word's highest bit below its sign.
    `p`: the power of the place value, above 0.
    `dither`: the mean over all alignments of `u` and threshold to the bits' grid. For one spike a step
    1/2 * sum over i >= k of [dist <= w_i] * w_i**-p, dist = u - threshold + 1 where it spikes, else threshold - u.
    `sign_bit`: also subtract the sign bit's D / w**p, as the authors' program does; signed words, no dither.
    """

    k: int = 0
    p: float = 1.0
    dither: bool = False
    sign_bit: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for an option that is never allowed."""
        if not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 0:
            raise InputError(f"boolean gradient: k: found {self.k!r}; allowed: an integer, 0 or more")
        check_positive("boolean gradient: p", self.p)
        for name in ("dither", "sign_bit"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"boolean gradient: {name}: found {getattr(self, name)!r}; allowed: true, false")
        if self.dither and self.sign_bit:
            raise InputError("boolean gradient: sign_bit: found True; allowed with dither: false")

    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """The definition, one bit after the other."""
        places = self._places(word)
        values, thresholds = u.long(), threshold.long()
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
        return total

    def _places(self, word: Word) -> list[tuple[int, float]]:
        """The place value of every bit that is toggled, and what a spike that it changes counts.

        The sign bit's is negative: XOR with it flips the sign bit of a sign-extended value, too.
        """
        value_bits = word.bits - word.signed
        if self.k >= value_bits:
            allowed = f"0 to {value_bits - 1}" if value_bits else "none, it has no bit but its sign"
            raise InputError(f"boolean gradient: k: found {self.k}; allowed for {word}: {allowed}")
        if self.sign_bit and not word.signed:
            raise InputError(f"boolean gradient: sign_bit: found True; allowed for {word}, which is unsigned: false")
        places = [(1 << bit, 2.0 ** (-self.p * bit)) for bit in range(self.k, value_bits)]
        if self.sign_bit:
            places.append((word.min, -(2.0 ** (-self.p * value_bits))))
        return places


@dataclass(frozen=True)
class _Format:
    """The fields of an IEEE word: an integer type of its size and its mantissa and exponent bits."""

    integer: torch.dtype
    mantissa: int
    exponent: int


_FORMATS = {
    torch.float32: _Format(torch.int32, 23, 8),
    torch.float16: _Format(torch.int16, 10, 5),
    torch.bfloat16: _Format(torch.int16, 7, 8),
}


@dataclass(frozen=True)
class FloatBooleanGradient:
    """The Boolean gradient of IEEE words: sum of |change of s| / |change of u| over toggles that stay finite.

    s = `u > threshold` or `u >= threshold`, by `relation`. Toggled are the mantissa bits and the exponent
    bits but the highest, as in the authors' program; `top_exponent` and `sign_bit` add those two.
    """

    relation: str = Relation.GE
    top_exponent: bool = False
    sign_bit: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for an option that is not allowed."""
        if self.relation not in (Relation.GE, Relation.GT):
            raise InputError(f"float Boolean gradient: relation: found {self.relation!r}; allowed: '>=', '>'")

    def spikes(self, u: Tensor, threshold: Tensor) -> Tensor:
        """Whether `u` spikes."""
        return u > threshold if self.relation == Relation.GT else u >= threshold

    def __call__(self, u: Tensor, threshold: Tensor | float) -> Tensor:
        """ds/du at `u` (float32, float16 or bfloat16), in its dtype; the threshold is rounded to that dtype.

        Never NaN, nor above the dtype's greatest finite value; 0 where `u` is infinite or NaN, which no change
        of a bit leaves by a finite amount. Zeros and subnormals are words as any other.
        """
        form = _FORMATS.get(u.dtype)
        if form is None:
            allowed = ", ".join(str(dtype) for dtype in _FORMATS)
            raise InputError(f"float Boolean gradient: u: found {u.dtype}; allowed: {allowed}")
        theta = torch.as_tensor(threshold, device=u.device).to(u.dtype)
        fires, code, finite = self.spikes(u, theta), u.contiguous().view(form.integer), u.isfinite()
        total = torch.zeros(fires.shape, dtype=torch.float64, device=u.device)
        for bit in self._bits(form):
            toggled = (code ^ _place(bit, form)).view(u.dtype)
            flips = (self.spikes(toggled, theta) != fires) & finite & toggled.isfinite()
            distance = (toggled.double() - u.double()).abs()
            total += torch.where(flips, 1 / torch.where(flips, distance, 1.0), 0.0)
        return total.clamp(max=torch.finfo(u.dtype).max).to(u.dtype)

    def _bits(self, form: _Format) -> list[int]:
        top = form.mantissa + form.exponent - 1
        return [*range(top), *([top] if self.top_exponent else []), *([top + 1] if self.sign_bit else [])]


def _place(bit: int, form: _Format) -> int:
    """The one bit as a signed integer of the format's size: that of the sign is the least of them."""
    return 1 << bit if bit < form.mantissa + form.exponent else torch.iinfo(form.integer).min


def float_gradient(
    u: Tensor, threshold: Tensor | float, relation: str = Relation.GE, *,
    top_exponent: bool = False, sign_bit: bool = False,
) -> Tensor:  # fmt: skip
    """FloatBooleanGradient as a function: d(u `relation` threshold)/du, in the dtype of `u`."""
    return FloatBooleanGradient(relation, top_exponent, sign_bit)(u, threshold)


def spike(u: Tensor, threshold: Tensor | float, gradient: FloatBooleanGradient) -> Tensor:
    """1 where `u` spikes, else 0, in its dtype, with `gradient` backward; the threshold's is minus its sum."""
    theta = torch.as_tensor(threshold, device=u.device).to(u.dtype)
    result: Tensor = _Spike.apply(u, theta, gradient)  # type: ignore[no-untyped-call]
    return result


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, u: Tensor, threshold: Tensor, gradient: FloatBooleanGradient) -> Tensor:
        ctx.save_for_backward(u, threshold)
        ctx.gradient = gradient  # type: ignore[attr-defined]
        return gradient.spikes(u, threshold).to(u.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        u, threshold = ctx.saved_tensors  # type: ignore[attr-defined]
        change = upstream * ctx.gradient(u, threshold)  # type: ignore[attr-defined]
        return change.sum_to_size(u.shape), -change.sum_to_size(threshold.shape), None
