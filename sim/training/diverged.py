"""Gradients that are no longer finite: where they arose."""

from __future__ import annotations

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
    order = [layer.name for layer in model.layers]
    projections = enumerate(model.template.projections)
    for index, projection in sorted(projections, key=lambda each: -order.index(each[1].target)):
        if any(name.startswith(f"trained.{index}.") for name in wrong):
            return f"layer {projection.target}, weights from {projection.source}"
    for index, population in enumerate(model.template.populations):
        if any(name.startswith(f"neurons.{index}.") for name in wrong):
            return f"layer {population.name}, trained parameters"
    return ", ".join(sorted(wrong))
