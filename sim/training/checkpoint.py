"""Checkpoints: what a training needs to continue to the same bits. An `.npz` of integers, never unpickled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from ..archive import read_archive, write_archive
from ..errors import FileError
from ..network.network import Network
from .batches import Samples
from .history import Epoch, best_epoch
from .recipe import Recipe

SCHEMA = 1
_STEP, _MOMENTS = "step", ("exp_avg", "exp_avg_sq")  # what Adam keeps of a parameter
_HISTORY = TypeAdapter(tuple[Epoch, ...])

Arrays = Mapping[str, NDArray[Any]]
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Identity:
    """What a training's bits depend on. A checkpoint continues only where all of it is the same."""

    recipe: dict[str, Any]
    bitspike: str
    torch: str
    seed: int
    processes: int
    device: str
    network: str
    samples: str

    @classmethod
    def of(
        cls, recipe: Recipe, template: Network, samples: Samples, seed: int, processes: int, device: str
    ) -> Identity:
        """`network` (profile and shapes) and `samples` are digests."""
        digest = hashlib.sha256(samples.images.tobytes() + samples.labels.tobytes()).hexdigest()
        as_json = recipe.model_dump(mode="json", by_alias=True)
        return cls(as_json, version("bitspike"), torch.__version__, seed, processes, device, template.digest, digest)

    def check(self, path: str, saved: Any) -> None:
        """Raise FileError, naming what differs, unless the checkpoint says the same."""
        if not isinstance(saved, dict) or not isinstance(saved.get("recipe"), dict):
            raise FileError(f"{path}: damaged: it does not say which recipe it is of")
        wanted, found = ({**each.pop("recipe"), **each} for each in (asdict(self), dict(saved)))
        for name, value in wanted.items():
            if found.get(name) != value:
                whose = f"{path}: a checkpoint of another training (recipe {found.get('name')!r})"
                raise FileError(f"{whose}: {name}: found {found.get(name)!r}; allowed: {value!r}")


@dataclass
class Progress:
    """What an epoch changes, and the best weights so far."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    best: Weights
    history: list[Epoch]

    def add(self, epoch: Epoch) -> None:
        """An epoch is done; its weights are kept where they are the best so far."""
        self.history.append(epoch)
        if best_epoch(self.history) == epoch.number:
            self.best = copied(self.model.state_dict())

    def save(self, path: str | os.PathLike[str], identity: Identity) -> None:
        """Write a checkpoint, whole or not at all. Raises FileError."""
        arrays = {**_named("model", self.model.state_dict()), **_named("best", self.best)}
        for index, state in self.optimizer.state_dict()["state"].items():
            arrays |= _named(f"optimizer.{index}", state)
        header = {"schema": SCHEMA, "identity": asdict(identity), "history": [asdict(epoch) for epoch in self.history]}
        write_archive(path, "checkpoint", header, arrays, compressed=False)

    def restore(self, path: str | os.PathLike[str], identity: Identity) -> None:
        """Continue where a checkpoint was written. Raises FileError where it is damaged or of another training."""
        place = os.fspath(path)
        header, arrays = read_archive(path, "checkpoint", SCHEMA)
        identity.check(place, header.get("identity"))
        try:
            self.history = list(_HISTORY.validate_python(header.get("history"), strict=False))
        except ValidationError:
            raise FileError(f"{place}: damaged: its history is not one") from None
        weights = self.model.state_dict()
        self.model.load_state_dict(_like("model", weights, arrays, place))
        self.best = _like("best", weights, arrays, place)
        state = {}
        for index, parameter in enumerate(self.model.parameters()):
            like = {_STEP: torch.zeros(()), **dict.fromkeys(_MOMENTS, parameter)}
            if f"optimizer.{index}.{_STEP}" in arrays:  # none of a parameter that never had a gradient
                state[index] = _like(f"optimizer.{index}", like, arrays, place)
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})


def copied(weights: Mapping[str, Tensor]) -> Weights:
    """The weights as they are now."""
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def _named(group: str, tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Tensors as integers of the same bits."""
    arrays = {f"{group}.{name}": tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return {name: array.view(f"i{array.itemsize}") for name, array in arrays.items()}


def _like(group: str, tensors: Mapping[str, Tensor], arrays: Arrays, path: str) -> Weights:
    """The tensors of these names, each of the type and shape that it has in `tensors`. Raises FileError."""
    keys = {name: f"{group}.{name}" for name in tensors}
    return {name: _tensor(arrays.get(key), tensors[name], f"{path}: {key}") for name, key in keys.items()}


def _tensor(array: NDArray[Any] | None, like: Tensor, place: str) -> Tensor:
    allowed = f"int{8 * like.itemsize} {list(like.shape)}"
    found = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
    if array is None or found != allowed:
        raise FileError(f"{place}: found {found}; allowed: {allowed}")
    bits = torch.as_tensor(np.array(array)).view(like.dtype)
    return bits.to(like.device)
