"""The processes that train one network together, as torchrun starts them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ..engine.device import device_of
from ..errors import ProcessError


@dataclass(frozen=True)
class Processes:
    """`count` processes, of which this is number `rank`; the first, 0, is the one that writes and prints."""

    rank: int
    count: int

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Replace every tensor, in all processes alike, by its sum over them. Raises ProcessError."""
        if self.count == 1:
            return
        for tensor in tensors:
            try:
                dist.all_reduce(tensor)
            except RuntimeError as error:
                raise ProcessError(f"process {self.rank} of {self.count}: another has ended ({error})") from None


def started() -> Processes:
    """Those that torchrun started; else this one alone."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Processes(0, 1)
    return Processes(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def own_device(name: str) -> torch.device:
    """The device of a name; where torchrun started this process, `cuda` is a GPU of its own. Raises InputError."""
    device = device_of(name)
    own = "LOCAL_RANK" in os.environ and device.type == "cuda" and device.index is None
    return device_of(f"cuda:{os.environ['LOCAL_RANK']}") if own else device


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes, connected inside the block, by NCCL on CUDA and by Gloo otherwise."""
    processes = started()
    if processes.count == 1:
        yield processes
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield processes
    finally:
        dist.destroy_process_group()
