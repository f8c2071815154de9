"""Brevitas layers whose integers are a connection's weights."""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
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
            "bit_width": bits,
            "signed": word.signed,
            "narrow_range": narrow,
            "scaling_init": scale * steps,
        },
    )


class Synapses(nn.Module):
    """Trained weights of one register of a projection: a Brevitas QuantLinear without its matrix product."""

    def __init__(self, connection: Connection, sources: int, targets: int, bits: int, gain: float) -> None:
        """Float weights start normal with standard deviation `gain` / sqrt(sources), in units of the scale."""
        super().__init__()
        quantizer = weight_quantizer(connection, bits)
        self.linear = qnn.QuantLinear(sources, targets, bias=False, weight_quant=quantizer)
        self.scale = 2.0 ** (1 - bits)
        word = Word(bits, connection.weight.word.signed)
        self.range = word.min + connection.weight.narrow, word.max
        with torch.no_grad():
            self.linear.weight.normal_(0.0, gain * self.scale / sources**0.5)
            if not connection.weight.word.signed:
                self.linear.weight.abs_()

    def forward(self, rounded: bool = True) -> Tensor:
        """Weights [source, target] in LSB: the integers, with Brevitas' straight-through gradient.

        Not `rounded`: the float weights behind them, clipped to the integers' range, for comparison.
        """
        weight = self.linear.quant_weight().value if rounded else self.linear.weight
        in_lsb: Tensor = weight.t() / self.scale
        return in_lsb if rounded else in_lsb.clamp(*self.range)

    def integers(self) -> NDArray[np.int64]:
        """The weights [source, target] that the chip loads."""
        weight: Any = self.linear.quant_weight()
        return np.asarray(weight.int().t().cpu().numpy(), np.int64)
