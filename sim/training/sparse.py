"""Products of counts with weights, by the counts that are not 0 where these are few.

Forward every order of summing is exact; the gradient of the weights sums the rows in ascending order, whatever the
threads, and rounds otherwise than the dense product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .parallel import Argument, call, parts, parts_of
from .sparse_code import ARGUMENTS, BLOCK, kernel, lanes_of

MOST_SHARE = 0.25  # of counts that are not 0: beyond it the dense product is faster
LEAST_WORK = 1 << 23  # multiply-adds of the dense product, below which it takes less than finding out


def product(counts: Tensor, weights: Tensor) -> Tensor:
    """counts [..., source], also uint8, times weights [source, neuron], differentiable.

    It is computed from the counts that are not 0 where, on a CPU, they are at most MOST_SHARE of LEAST_WORK or more.
    """
    listed = _listed(counts, weights)
    if listed is None:
        return counts.to(weights.dtype) @ weights
    result: Tensor = _Product.apply(counts, weights, listed)  # type: ignore[no-untyped-call]
    return result


def by_weights(counts: Tensor, above: Tensor) -> Tensor:
    """What the weights of a product get: counts [row, source], and the derivative by the product, [row, neuron]."""
    listed = _listed(counts, above)
    return counts.t() @ above if listed is None else listed.transposed().times(above)


def _listed(counts: Tensor, factor: Tensor) -> Listed | None:
    """The counts that are not 0, where a product with a factor [..., neuron] had better be computed from them."""
    if counts.device.type != "cpu" or counts.numel() * factor.shape[-1] < LEAST_WORK:
        return None
    listed = Listed.of(counts.detach().reshape(-1, counts.shape[-1]), factor.dtype)
    return listed if listed.entries <= MOST_SHARE * counts.numel() else None


@dataclass(frozen=True)
class Listed:
    """A matrix by its entries that are not 0, in several lists a row, one behind the other.

    places: the columns, int32, and `values` of all lists; starts, ends: where each is, int64 [list, row].
    """

    columns: int
    places: Tensor
    values: Tensor
    starts: Tensor
    ends: Tensor

    @classmethod
    def of(cls, matrix: Tensor, real: torch.dtype) -> Listed:
        """A list a row; matrix: of that type of floats, or uint8."""
        rows, columns = matrix.shape
        made, counts = cls._empty(1, rows, columns, matrix.numel(), real), matrix.contiguous()
        split = parts(rows, matrix.numel())
        made._run("list_rows", {"sources": columns, "counts": counts}, split, _name(counts.dtype))
        return made

    def transposed(self) -> Listed:
        """The transposed matrix, from one list a row: a list for every BLOCK of them."""
        rows = self.ends.shape[1]
        blocks = ceil(rows / BLOCK)
        made = self._empty(blocks, self.columns, rows, self.values.numel(), self.values.dtype)
        to = {f"to_{name}": tensor for name, tensor in made._tensors.items()}
        self._run("list_sources", {"rows": rows, "sources": self.columns, **to}, parts(blocks, 5 * self.entries))
        return made

    def times(self, weights: Tensor) -> Tensor:
        """This matrix times weights [column, neuron]: [row, neuron]."""
        (lists, rows), size = self.ends.shape, weights.shape[1]
        lanes = lanes_of(size, _name(weights.dtype))
        # side by side, as the kernel reads them; the last tile may overlap the one before it
        tiles = torch.stack([weights.narrow(1, min(at, size - lanes), lanes) for at in range(0, size, lanes)])
        sums = weights.new_empty(rows, size)
        split = parts_of((self.ends - self.starts).sum(0).numpy(), self.entries * size // 8)
        numbers = {"lists": lists, "rows": rows, "size": size, "columns": self.columns}
        self._run("multiply", {**numbers, "weights": tiles, "sums": sums}, split, lanes)
        return sums

    @property
    def entries(self) -> int:
        """How many are not 0."""
        return int((self.ends - self.starts).sum())

    @property
    def _tensors(self) -> dict[str, Tensor]:
        return {"places": self.places, "values": self.values, "starts": self.starts, "ends": self.ends}

    @classmethod
    def _empty(cls, lists: int, rows: int, columns: int, most: int, real: torch.dtype) -> Listed:
        """Room for `most` entries, of which only what is listed will be touched."""
        places, values = torch.empty(most, dtype=torch.int32), torch.empty(most, dtype=real)
        return cls(columns, places, values, *(torch.empty(lists, rows, dtype=torch.int64) for _ in range(2)))

    def _run(self, name: str, others: Mapping[str, Argument], split: Sequence[int], *kind: Any) -> None:
        """Call a kernel with these lists and other arguments."""
        call(kernel(name, _name(self.values.dtype), *kind), ARGUMENTS[name], {**self._tensors, **others}, split)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, counts: Tensor, weights: Tensor, listed: Listed) -> Tensor:
        ctx.save_for_backward(weights)
        ctx.listed = listed  # type: ignore[attr-defined]
        return listed.times(weights).reshape(*counts.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (weights,) = ctx.saved_tensors
        by_counts, by_weights, _ = ctx.needs_input_grad
        rows = above.reshape(-1, above.shape[-1])
        return (
            above @ weights.t() if by_counts else None,
            ctx.listed.transposed().times(rows) if by_weights else None,
            None,
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
