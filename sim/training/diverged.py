"""Gradients that are no longer finite: where they arose."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .model import SpikingNetwork


def not_finite(model: SpikingNetwork) -> str | None:
    """The place of the first gradient that is not finite, as it went from the output backward; None: all are finite."""
    wrong = {
        name for name, parameter in model.named_parameters()
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all()
    }  # fmt: skip
    if not wrong:
        return None
    return next(place for place, prefix in _places(model) if any(name.startswith(prefix) for name in wrong))


def _places(model: SpikingNetwork) -> Iterator[tuple[str, str]]:
    """What is trained, from the output backward, and how the names of its parameters begin."""
    template = model.template
    populations = [population.name for population in template.populations]
    for layer in reversed(model.layers):
        for index, projection in enumerate(template.projections):
            if projection.target == layer.name:
                yield f"layer {layer.name}, weights from {projection.source}", f"trained.{index}."
        yield f"layer {layer.name}, trained parameters", f"neurons.{populations.index(layer.name)}."
