"""Brevitas layers whose integers are a connection's weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.core.function_wrapper import InplaceTensorClampSte
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject.enum import (
    BitWidthImplType,
    FloatToIntImplType,
    QuantType,
    RestrictValueType,
    ScalingImplType,
    ScalingPerOutputType,
)
from brevitas.quant.solver import WeightQuantSolver
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError
from ..profile.connection import Connection
from ..word import Word

MIN_BITS, MAX_BITS = 2, 8


def weight_quantizer(connection: Connection, bits: int) -> type:
    """A Brevitas weight quantizer of `bits` (2 to 8, at most the word of the connection's weights).

    Its scale is constant, 2**(1 - bits): a float weight of 1.0 is one step beyond the greatest integer, and
    one LSB of the weight is one LSB of the register it is added to. Signedness and narrow range are the
    profile's. Raises InputError.
    """
    word, narrow = connection.weight.word, connection.weight.narrow
    most = min(MAX_BITS, word.bits)
    if most < MIN_BITS:
        raise InputError(f"weight_bits: found {bits}; weights of {word} cannot be trained")
    if not MIN_BITS <= bits <= most:
        raise InputError(f"weight_bits: found {bits}; allowed: {MIN_BITS} to {most} ({word})")
    scale = 2.0 ** (1 - bits)
    # Brevitas divides scaling_init by the greatest magnitude of the integers
    steps = 2**bits - 1 if not word.signed else 2 ** (bits - 1) - narrow
    return type(
        "ConnectionWeights",
        (WeightQuantSolver,),
        {
            "quant_type": QuantType.INT,
            "bit_width_impl_type": BitWidthImplType.CONST,
            "float_to_int_impl_type": FloatToIntImplType.ROUND,
            "scaling_impl_type": ScalingImplType.CONST,
            "restrict_scaling_type": RestrictValueType.FP,
            "scaling_per_output_type": ScalingPerOutputType.TENSOR,
            "zero_point_impl": ZeroZeroPoint,
            "tensor_clamp_impl": InplaceTensorClampSte,
            "bit_width": bits,
            "signed": word.signed,
            "narrow_range": narrow,
            "scaling_init": scale * steps,
        },
    )


class Synapses(nn.Module):
    """Trained weights of one register of a projection: a Brevitas layer without its product."""

    def __init__(self, connection: Connection, shape: Sequence[int], fan_in: int, bits: int, gain: float) -> None:
        """`shape`: [source, target], kernels [out, in / groups, height, width], or [synapse].

        Float weights start normal with standard deviation `gain` / sqrt(fan_in), in units of the scale.
        """
        super().__init__()
        quantizer = weight_quantizer(connection, bits)
        self.linear: Any
        if len(shape) == 4:
            channels, inputs, *sides = shape
            self.linear = qnn.QuantConv2d(inputs, channels, tuple(sides), bias=False, weight_quant=quantizer)
        else:
            sources, targets = shape if len(shape) == 2 else (shape[0], 1)
            self.linear = qnn.QuantLinear(sources, targets, bias=False, weight_quant=quantizer)
        self.shape = tuple(shape)
        self.scale = 2.0 ** (1 - bits)
        word = Word(bits, connection.weight.word.signed)
        self.range = word.min + connection.weight.narrow, word.max
        for name, end in zip(("least", "most"), self.range, strict=True):
            self.register_buffer(name, torch.tensor(float(end)), persistent=False)
        with torch.no_grad():
            self.linear.weight.normal_(0.0, gain * self.scale / fan_in**0.5)
            if not connection.weight.word.signed:
                self.linear.weight.abs_()

    def forward(self, rounded: bool = True) -> Tensor:
        """Weights in LSB, of the shape given: the integers, with Brevitas' straight-through gradient.

        Not `rounded`: the float weights behind them, clipped to the integers' range, for comparison.
        """
        if rounded:
            return self._shaped(self._quantized())
        return (self._shaped(self.linear.weight) / self.scale).clamp(*self.range)

    def integers(self) -> NDArray[np.int64]:
        """The weights, of the shape given, that the chip loads."""
        return np.asarray(self._shaped(self.linear.quant_weight().int()).cpu().numpy(), np.int64)

    def _quantized(self) -> Tensor:
        """`quant_weight().value / scale`, without finding the constants of the quantizer anew in every step."""
        parts = self.linear.weight_quant.tensor_quant.int_quant
        rounded = parts.float_to_int_impl(self.linear.weight / self.scale)
        quantized: Tensor = parts.tensor_clamp_impl(rounded, self.least, self.most)
        return quantized

    def _shaped(self, weight: Tensor) -> Tensor:
        """Brevitas' matrices are [target, source]."""
        return weight if len(self.shape) == 4 else weight.t().reshape(self.shape)
