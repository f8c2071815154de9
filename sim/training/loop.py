"""The training loop: cross-entropy on the output's spike counts, best network kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import InputError
from ..network.network import Network
from ..ops.torch_threads import threads_for
from .data import DataSet, Folder, load_data
from .encoding import encode, most_spikes
from .model import SpikingNetwork
from .recipe import Recipe, build
from .task import TestSet, readout_matrix


@dataclass(frozen=True)
class Epoch:
    """What one epoch did: mean loss and accuracy over the training samples, spikes a neuron and step."""

    number: int
    of: int
    loss: float
    accuracy: float
    rate: float


@dataclass(frozen=True)
class Trained:
    """A trained network: `model` in training form, `network` its integers.

    interrupted: Ctrl-C ended the training, and this is the best network until then.
    """

    model: SpikingNetwork
    network: Network
    history: tuple[Epoch, ...]
    seconds: float
    interrupted: bool


def train(
    recipe: Recipe,
    template: Network,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
    data_dir: Folder = None,
) -> Trained:
    """Train a recipe; equal seeds give equal integers on the same machine and versions. data_dir: see `load_data`.

    The network of the epoch with the least training loss is kept, also when Ctrl-C ends the training.
    Raises InputError where the loss is no longer finite.
    """
    data = load_data(recipe.data, data_dir)
    readout = readout_matrix(recipe.readout, template.populations[-1].size, data.classes)
    outputs = torch.as_tensor(readout * recipe.logit_scale)
    torch.manual_seed(seed)
    model = build(recipe, template, most_spikes(recipe.encoding, data.top))
    started, history, interrupted = time.perf_counter(), [], False
    best, best_weights = float("inf"), deepcopy(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    try:
        with threads_for(recipe.batch * model.weights):
            for number in range(1, recipe.epochs + 1):
                epoch = _epoch(model, optimizer, data, outputs.to(model.dtype), recipe, number)
                history.append(epoch)
                schedule.step()
                if epoch.loss < best:
                    best, best_weights = epoch.loss, deepcopy(model.state_dict())
                if on_epoch is not None:
                    on_epoch(epoch)
    except KeyboardInterrupt:
        interrupted = True
    model.load_state_dict(best_weights)
    return Trained(model, model.export(), tuple(history), time.perf_counter() - started, interrupted)


def _epoch(
    model: SpikingNetwork,
    optimizer: torch.optim.Optimizer,
    data: DataSet,
    outputs: torch.Tensor,
    recipe: Recipe,
    number: int,
) -> Epoch:
    """One pass over the training samples in random order; `outputs` [output, class] makes logits of spike counts."""
    losses, right, rates = [], 0, []
    order = torch.randperm(len(data.train))
    all_labels = torch.as_tensor(data.train_labels)
    for rows in torch.split(order, recipe.batch):
        spikes = encode(data.train[rows.numpy()], recipe.encoding, data.top)  # a batch at a time: memory
        labels = all_labels[rows]
        emitted, _ = model(torch.as_tensor(spikes))
        logits = emitted[model.template.output].sum(1) @ outputs
        loss = torch.nn.functional.cross_entropy(logits, labels)
        if not torch.isfinite(loss):
            raise InputError(f"epoch {number}: the loss is {loss.item()}; try a smaller learning_rate")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()) * len(rows))
        right += int((logits.argmax(1) == labels).sum())
        rates.append(float(torch.cat([s.detach().flatten() for s in emitted.values()]).mean()))
    return Epoch(number, recipe.epochs, sum(losses) / len(order), right / len(order), float(np.mean(rates)))


@torch.no_grad()
def float_accuracy(model: SpikingNetwork, test: TestSet) -> float:
    """Accuracy of the same datapath with the float weights behind the integers."""
    with threads_for(len(test.spikes) * model.weights):
        emitted, _ = model(torch.as_tensor(test.spikes), rounded=False)
    return test.accuracy(emitted[model.template.output].numpy())
