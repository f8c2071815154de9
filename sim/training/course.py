"""An epoch of a training: its batches, their loss and gradients, and the validation after them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ..errors import DivergedError
from .batches import Batch, Samples, random_of
from .diverged import not_finite
from .history import Epoch
from .model import SpikingNetwork
from .processes import Processes
from .recipe import Recipe
from .task import step_weights


@dataclass(frozen=True)
class Course:
    """What all epochs share; `outputs` [output, class] makes logits of spike counts."""

    recipe: Recipe
    seed: int
    samples: Samples
    held: Samples | None
    outputs: Tensor
    processes: Processes
    on_batch: Callable[[float], None]

    def epoch(self, model: SpikingNetwork, optimizer: torch.optim.Optimizer, number: int) -> Epoch:
        """Train on every sample once, in an order that the seed and `number` decide. Raises DivergedError."""
        began, recipe, rng = time.perf_counter(), self.recipe, random_of(self.seed, number)
        torch.manual_seed(int(rng.integers(1 << 63)))  # for gradients that draw
        rate = recipe.learning_rate * (1 + math.cos(math.pi * (number - 1) / recipe.epochs)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        sums, batches = self._zeros(3), math.ceil(len(self.samples) / (recipe.batch * self.processes.count))
        for index, batch in enumerate(self.samples.batches(recipe.batch, self.processes, rng, recipe.augment), start=1):
            optimizer.zero_grad(set_to_none=False)  # a process without samples adds zeros
            sums += self._backward(model, batch)
            self.processes.sum(p.grad for p in model.parameters() if p.grad is not None)
            place = not_finite(model)
            if place is not None:
                remedy = "try a smaller learning_rate, gradient.scale or gain"
                raise DivergedError(f"epoch {number}, batch {index}, {place}: found a gradient not finite; {remedy}")
            optimizer.step()
            model.after_step()
            self.on_batch(number - 1 + index / batches)
        self.processes.sum([sums])
        loss, accuracy, spikes = (sums / len(self.samples)).tolist()
        held_loss, held_accuracy = self._validation(model)
        seconds = time.perf_counter() - began
        return Epoch(number, recipe.epochs, loss, accuracy, held_loss, held_accuracy, spikes, rate, seconds)

    def _backward(self, model: SpikingNetwork, batch: Batch) -> Tensor:
        """Add this process' part of the gradients; sums over its samples of loss, right classes and spike rate."""
        if not len(batch.labels):
            return self._zeros(3)
        emitted, _ = model(batch.spikes)
        logits = self._logits(emitted[model.template.output])
        labels = batch.labels.to(logits.device)
        loss = cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        penalty = None if model.control is None else model.control.penalty()
        torch.autograd.backward((loss if penalty is None else loss + penalty) * batch.share)
        rate = torch.cat([spikes.detach().flatten() for spikes in emitted.values()]).mean()
        right = (logits.argmax(1) == labels).sum()
        return torch.stack([loss.detach() * len(logits), right, rate * len(logits)]).double()

    def _logits(self, spikes: Tensor) -> Tensor:
        """Of the output's spikes [sample, step, output], [sample, class]."""
        weights = torch.as_tensor(step_weights(self.recipe.readout, spikes.shape[1]), dtype=spikes.dtype)
        return (spikes * weights.to(spikes.device)[:, None]).sum(1) @ self.outputs

    @torch.no_grad()
    def _validation(self, model: SpikingNetwork) -> tuple[float, float] | tuple[None, None]:
        """Mean loss and accuracy over the samples kept for validation."""
        if self.held is None:
            return None, None
        sums = self._zeros(2)
        for batch in self.held.batches(self.recipe.batch, self.processes):
            if len(batch.labels):
                emitted, _ = model(batch.spikes)
                logits = self._logits(emitted[model.template.output])
                labels = batch.labels.to(logits.device)
                right = (logits.argmax(1) == labels).sum()
                sums += torch.stack([cross_entropy(logits, labels, reduction="sum"), right]).double()
        self.processes.sum([sums])
        loss, accuracy = (sums / len(self.held)).tolist()
        return loss, accuracy

    def _zeros(self, count: int) -> Tensor:
        return torch.zeros(count, dtype=torch.float64, device=self.outputs.device)
