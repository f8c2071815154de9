"""The training loop: epoch after epoch, the best network kept, a checkpoint after each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..errors import DivergedError
from ..network.network import Network
from ..ops.torch_threads import threads_for
from ..report.findings import Finding
from .batches import split
from .checkpoint import Identity, Progress, copied
from .course import Course
from .data import Folder, load_data
from .encoding import most_spikes
from .history import Epoch, best_epoch
from .model import SpikingNetwork
from .processes import joined, own_device
from .recipe import Recipe, build
from .task import TestSet, readout_matrix
from .watch import Watch


@dataclass(frozen=True)
class Trained:
    """A trained network: `model` in training form, `network` its integers.

    best: the number of the epoch they are of, 0 before the first. interrupted: Ctrl-C ended the training, and
    this is the best network until then.
    """

    model: SpikingNetwork
    network: Network
    history: tuple[Epoch, ...]
    best: int
    seconds: float
    interrupted: bool


def train(
    recipe: Recipe,
    template: Network,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    data_dir: Folder = None,
    *,
    on_batch: Callable[[float], None] = lambda epochs: None,
    on_finding: Callable[[Finding], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: str = "cpu",
) -> Trained:
    """Train a recipe; equal seeds give equal integers on the same machine and versions. data_dir: see `load_data`.

    The network of the best epoch is kept (`Epoch.score`), also when Ctrl-C ends the training. `on_epoch` is told
    of every epoch, those before a resumption among them, and `on_batch` how many are done, as a fraction.
    `on_finding` is told, once, what is wrong with the network after an epoch (`Watch`).
    `checkpoint` is written after every epoch; with `resume` the training continues from it, to the same bits.
    Where torchrun started several processes, each takes `batch` samples a step, and only the first writes and tells.
    `device`: cpu or cuda, where sums are rounded otherwise; with torchrun each process has a GPU of its own.
    Raises FileError for a checkpoint of another training, and DivergedError where a gradient is no longer finite.
    """
    began, data = time.perf_counter(), load_data(recipe.data, data_dir)
    samples, held = split(data, recipe.encoding, recipe.validation, seed)
    torch.manual_seed(seed)
    model = build(recipe, template, most_spikes(recipe.encoding, data.top)).to(own_device(device))
    optimizer = _optimizer(recipe, model)
    readout = readout_matrix(recipe.readout, template.populations[-1].size, data.classes)
    outputs = torch.as_tensor(readout * recipe.logit_scale, dtype=model.dtype, device=model.device)
    progress = Progress(model, optimizer, copied(model.state_dict()), [])
    ended: BaseException | None = None
    with joined(model.device) as processes, threads_for(recipe.batch * model.weights):
        first = processes.rank == 0
        watch = None if on_finding is None or not first else Watch(samples, model, recipe.weight_bits, on_finding)
        identity = Identity.of(recipe, template, samples, seed, processes.count, model.device.type)
        if resume and checkpoint is not None:
            progress.restore(checkpoint, identity)
        course = Course(recipe, seed, samples, held, outputs, processes, on_batch if first else lambda epochs: None)
        if watch is not None and model.control is not None:
            for finding in model.control.findings():
                watch.tell(finding)
        try:
            for epoch in progress.history if first else ():
                on_epoch(epoch)
            while not _finished(recipe, progress.history):
                epoch = course.epoch(model, optimizer, len(progress.history) + 1)
                progress.add(epoch)
                if first and checkpoint is not None:
                    progress.save(checkpoint, identity)
                if first:
                    on_epoch(epoch)
                if watch is not None:
                    watch.look(epoch.number)
        except (KeyboardInterrupt, DivergedError) as error:
            ended = error
    model.load_state_dict(progress.best)
    history, seconds = tuple(progress.history), time.perf_counter() - began
    interrupted = isinstance(ended, KeyboardInterrupt)
    network = model.export()
    if model.control is not None:
        model.control.prove(network)
    trained = Trained(model, network, history, best_epoch(history), seconds, interrupted)
    if isinstance(ended, DivergedError):
        ended.trained = trained
        raise ended
    return trained


def _optimizer(recipe: Recipe, model: SpikingNetwork) -> torch.optim.Optimizer:
    """AdamW, in the order of the model's parameters: weights decay, and thresholds, leaks and biases do not."""
    groups = [
        {"params": list(model.trained.parameters()), "weight_decay": recipe.weight_decay},
        {"params": list(model.neurons.parameters()), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)


def _finished(recipe: Recipe, history: list[Epoch]) -> bool:
    """Whether all epochs are done, or `patience` of them since the best."""
    waited = len(history) - best_epoch(history)
    return len(history) == recipe.epochs or (recipe.patience is not None and waited >= recipe.patience)


@torch.no_grad()
def float_accuracy(model: SpikingNetwork, test: TestSet) -> float:
    """Accuracy of the same datapath with the float weights behind the integers."""
    with threads_for(len(test.spikes) * model.weights):
        emitted, _ = model(torch.as_tensor(test.spikes), rounded=False)
    return test.accuracy(emitted[model.template.output].cpu().numpy())
