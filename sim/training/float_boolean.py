"""The Boolean gradient of IEEE words: of float registers, and of integer registers seen as float words.

Yoo and Jeong, Complex & Intelligent Systems 11, 2025, doi 10.1007/s40747-024-01607-9. The step that a bit
makes depends on the encoding: toggling a mantissa or an exponent bit moves a small value little and a great one much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..errors import InputError
from ..ops.base import Relation
from ..word import Word
from .crossing import BitGradient, check_flag, check_natural, crossings


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
        if u.dtype not in _FORMATS:
            allowed = ", ".join(str(dtype) for dtype in _FORMATS)
            raise InputError(f"float Boolean gradient: u: found {u.dtype}; allowed: {allowed}")
        theta = torch.as_tensor(threshold, device=u.device).to(u.dtype)
        return self.precise(u, theta).to(u.dtype)

    def precise(self, u: Tensor, theta: Tensor) -> Tensor:
        """As a call, with a threshold in the dtype of `u`; in float64."""
        form = _FORMATS[u.dtype]
        fires, code, finite = self.spikes(u, theta), u.contiguous().view(form.integer), u.isfinite()
        total = torch.zeros(fires.shape, dtype=torch.float64, device=u.device)
        for bit in self._bits(form):
            toggled = (code ^ _place(bit, form)).view(u.dtype)
            flips = (self.spikes(toggled, theta) != fires) & finite & toggled.isfinite()
            distance = (toggled.double() - u.double()).abs()
            total += torch.where(flips, 1 / torch.where(flips, distance, 1.0), 0.0)
        return total.clamp(max=torch.finfo(u.dtype).max)

    def _bits(self, form: _Format) -> list[int]:
        top = form.mantissa + form.exponent - 1
        return [*range(top), *([top] if self.top_exponent else []), *([top + 1] if self.sign_bit else [])]


def _place(bit: int, form: _Format) -> int:
    """The one bit as a signed integer of the format's size: that of the sign is the least of them."""
    return 1 << bit if bit < form.mantissa + form.exponent else torch.iinfo(form.integer).min


FORMATS = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(frozen=True)
class FloatWordGradient(BitGradient):
    """FloatBooleanGradient of an integer register seen as a float word: of u * 2**-fraction, times 2**-fraction.

    Register and threshold are rounded to the format (to nearest, ties to even); several spikes a step sum the
    gradient over the crossings.

    `format`: float16, bfloat16 or float32. `fraction`: fraction bits of the register's value, 0 or more; the exponent
    that a value is written with, and so the steps of its exponent bits, depends on it.
    `top_exponent`, `sign_bit`: also toggle these two, as in FloatBooleanGradient.
    """

    format: str = "float32"
    fraction: int = 0
    top_exponent: bool = False
    sign_bit: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for an option that is never allowed."""
        if self.format not in FORMATS:
            raise InputError(f"float_boolean gradient: format: found {self.format!r}; allowed: {', '.join(FORMATS)}")
        check_natural("float_boolean gradient: fraction", self.fraction)
        for name in ("top_exponent", "sign_bit"):
            check_flag(f"float_boolean gradient: {name}", getattr(self, name))

    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """The definition, crossing by crossing."""
        self._check(word)
        dtype, unit = FORMATS[self.format], 2.0**-self.fraction
        gradient = FloatBooleanGradient(top_exponent=self.top_exponent, sign_bit=self.sign_bit)
        values = (u.double() * unit).to(dtype)
        total = torch.zeros((), dtype=torch.float64, device=u.device)
        for crossing, reachable in crossings(threshold.double(), word, repeat):
            slope = gradient.precise(values, (crossing * unit).to(dtype))
            total = total + slope * reachable * unit
        return total.to(u.dtype)

    def _check(self, word: Word) -> None:
        """Raise InputError where a value of the word would be infinite or subnormal."""
        info = torch.finfo(FORMATS[self.format])
        least = next(fraction for fraction in range(64) if max(word.max, -word.min) <= info.max * 2**fraction)
        most = 1 - math.frexp(info.smallest_normal)[1]
        if not least <= self.fraction <= most:
            found = f"float_boolean gradient: fraction: found {self.fraction}"
            raise InputError(f"{found}; allowed for {word} as {self.format}: {least} to {most}")


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
