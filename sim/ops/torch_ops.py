"""What interpreters share whose values are torch tensors: the floats of training, the integers of a device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .base import Flag, Registers, Relation, Repeated, Value
from .operators import OperatorOps


class TorchOps(OperatorOps):
    """Values are tensors of one type, or ints: literals, and values of a profile. Flags are bool tensors."""

    def minimum(self, a: Value, b: Value) -> Value:
        """The lesser of a and b"""
        return torch.minimum(*alike(a, b)) if any_tensor(a, b) else min(a, b)

    def maximum(self, a: Value, b: Value) -> Value:
        """The greater of a and b"""
        return torch.maximum(*alike(a, b)) if any_tensor(a, b) else max(a, b)

    def compare(self, a: Value, relation: Relation, b: Value) -> Flag:
        """a relation b, a tensor even where both are integers"""
        return torch.as_tensor(super().compare(a, relation, b))

    def both(self, a: Flag, b: Flag) -> Flag:
        """a and b"""
        return a & b

    def invert(self, a: Flag) -> Flag:
        """not a"""
        return ~a

    def select(self, flag: Flag, a: Value, b: Value) -> Value:
        """a where flag, else b"""
        return torch.where(flag, a, b)

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """Until no neuron's condition holds; a single round is not asked for, as a device would be waited for."""
        for _ in range(branch.repeat):
            flag = again()
            if branch.repeat > 1 and not flag.any():
                return
            body(flag)

    def spread(self, a: Value, like: Value) -> Value:
        """Broadcast to the shape of `like`."""
        if not isinstance(like, Tensor) or (isinstance(a, Tensor) and a.shape == like.shape):
            return a
        return torch.broadcast_tensors(as_like(a, like), like)[0]  # type: ignore[no-untyped-call]


def any_tensor(a: Value, b: Value) -> bool:
    """Whether there is a tensor among them; else both are ints."""
    return isinstance(a, Tensor) or isinstance(b, Tensor)


def alike(a: Value, b: Value) -> tuple[Tensor, Tensor]:
    """Both as tensors; one of them is a tensor already."""
    return as_like(a, b), as_like(b, a)


def as_like(value: Value, tensor: Value) -> Tensor:
    """A value as a tensor, an int in the type of `tensor`."""
    return value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=tensor.dtype, device=tensor.device)
