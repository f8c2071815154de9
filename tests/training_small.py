"""A small recipe on few samples, for tests of the training loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bitspike.training import data, loop
from bitspike.training.gradient import make_gradient
from bitspike.training.model import SpikingNetwork
from bitspike.training.recipe import Recipe, load_recipe
from test_training_recipes import GOOD, written


def few_digits(monkeypatch: pytest.MonkeyPatch, samples: int) -> data.DataSet:
    """Train on the first digits only."""
    digits = data.load_data("digits")
    few = replace(digits, train=digits.train[:samples], train_labels=digits.train_labels[:samples])
    monkeypatch.setattr(loop, "load_data", lambda *arguments: few)
    return few


def small_recipe(folder: Path) -> tuple[Recipe, Any]:
    """3 short epochs of 64-12-10, and the network."""
    short = GOOD.replace("steps: 8", "steps: 3").replace("threshold: 512", "threshold: 128")
    recipe, template = load_recipe(written(folder, short))
    return recipe.model_copy(update={"epochs": 3, "batch": 20}), template


def train_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train the hidden layer's thresholds too."""

    def build(recipe: Recipe, template: Any, max_input: int) -> SpikingNetwork:
        gradient = make_gradient(recipe.gradient.kind, **recipe.gradient.options)
        thresholds: Any = {"hidden": {"threshold": "neuron"}}
        return SpikingNetwork(template, gradient, gain=recipe.gain, max_input=max_input, train=thresholds)

    monkeypatch.setattr(loop, "build", build)
