"""Training on the chip's own bits. `data`, `encoding` and `task` work without torch, the rest with extra `train`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "BooleanGradient": "boolean",
    "Chip": "modules",
    "Layer": "modules",
    "Recipe": "recipe",
    "SpikingNetwork": "model",
    "Synapses": "layers",
    "Trained": "loop",
    "convolution": "modules",
    "dense": "modules",
    "export": "modules",
    "load_recipe": "recipe",
    "pool": "modules",
    "make_gradient": "gradient",
    "test_set": "task",
    "train": "loop",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that what works without torch never imports it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
