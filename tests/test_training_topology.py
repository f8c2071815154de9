"""Recipes of pictures: shapes, kernels and pools are checked before training, each fault with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bitspike.errors import DocumentError

pytest.importorskip("torch")
from bitspike.training.recipe import build, load_recipe

GOOD = """\
schema: 1
name: digits-pictures
title: A convolution, a pool and a matrix
profile: generic-conv-w8-v16
data: digits
encoding: {kind: rate, steps: 4}
readout: {kind: per_class}
layers:
  - {name: maps, neuron: neuron, shape: [4, 8, 8], parameters: {threshold: 256, leak: 3}}
  - {name: pooled, neuron: pool, shape: [4, 4, 4], parameters: {}}
  - {name: output, neuron: neuron, size: 10, parameters: {threshold: 256, leak: 3}}
connections:
  - {source: input, target: maps, via: forward, kind: convolution, kernel: 3, padding: 1, parameters: {}}
  - {source: maps, target: pooled, via: pooling, kind: pool, window: 2, weight: 1, parameters: {}}
  - {source: pooled, target: output, via: forward, synapses: 1, parameters: {}}
weight_bits: 8
gain: 256.0
gradient: {kind: boolean, options: {k: 6, p: 1.0, dither: true}, scale: 1.0, reset_share: 0.0}
epochs: 1
batch: 50
learning_rate: 0.01
logit_scale: 1.0
"""


def written(folder: Path, *edits: tuple[str, str]) -> Path:
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "my.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_picture_recipe_makes_the_network_that_it_says(tmp_path):
    recipe, template = load_recipe(written(tmp_path))
    model = build(recipe, template, 1)
    assert [population.size for population in template.populations] == [256, 64, 10]
    assert [np.shape(projection.weights) for projection in template.projections] == [(4, 1, 3, 3), (64, 10, 1), (1,)]
    assert model.weights == 4 * 9 + 640


def test_kernels_may_have_sides_strides_dilation_and_groups(tmp_path):
    second = "{source: pooled, target: parts, via: forward, kind: convolution, kernel: [3, 1], stride: [1, 2], "
    layer = "  - {name: parts, neuron: neuron, shape: [8, 2, 2], parameters: {threshold: 256, leak: 3}}\n"
    edits = [
        ("  - {name: output", f"{layer}  - {{name: output"),
        ("{source: pooled,", f"{second}groups: 2, parameters: {{}}}}\n  - {{source: parts,"),
    ]
    _, template = load_recipe(written(tmp_path, *edits))
    shape = next(p.shape for p in template.projections if p.target == "parts")
    assert (shape.stride, shape.padding, shape.groups) == ((1, 2), (0, 0), 2)
    assert [np.shape(p.weights) for p in template.projections if p.target == "parts"] == [(8, 2, 3, 1)]


def test_frames_are_pictures_of_one_row(tmp_path):
    edits = [
        ("{kind: rate, steps: 4}", "{kind: frames, channels: 8, most: 4, rest: 0}"),
        ("shape: [4, 8, 8]", "shape: [4, 1, 8]"),
        ("kernel: 3, padding: 1", "kernel: [1, 3], padding: [0, 1]"),
        ("shape: [4, 4, 4]", "shape: [4, 1, 4]"),
        ("window: 2", "window: [1, 2]"),
    ]
    _, template = load_recipe(written(tmp_path, *edits))
    assert template.inputs == 8


FAULTS = [
    ("shape: [4, 8, 8]", "shape: [4, 6, 8]",
     "13:5: connections[0]: found a target of shape [4, 6, 8]; allowed: [4, 8, 8], by the source's shape|"
     "14:5: connections[1]: found a target of shape [4, 4, 4]; allowed: [4, 3, 4], by the source's shape"),
    ("padding: 1", "padding: 0",
     "13:5: connections[0]: found a target of shape [4, 8, 8]; allowed: [4, 6, 6], by the source's shape"),
    ("window: 2", "window: 3",
     "14:5: connections[1]: found a target of shape [4, 4, 4]; allowed: [4, 2, 2], by the source's shape"),
    ("window: 2", "window: 9",
     "14:5: connections[1]: size: found height 9, spanning 9 neurons; allowed: a span of 1 to 8 (input 8, padding 0 "
     "on both sides)|14:5: connections[1]: size: found width 9, spanning 9 neurons; allowed: a span of 1 to 8 "
     "(input 8, padding 0 on both sides)"),
    ("shape: [4, 8, 8]", "size: 256",
     "13:5: connections[0]: 'maps' has a size; allowed: a layer with a shape, [channels, height, width]|"
     "14:5: connections[1]: 'maps' has a size; allowed: a layer with a shape, [channels, height, width]"),
    ("kernel: 3, padding", "kernel: 3, groups: 3, padding",
     "13:5: connections[0]: groups: found 3; allowed: a divisor of the 1 channels"),
    ("kernel: 3", "kernel: 0",
     "13:76: connections[0].kernel: found 0; allowed: an integer from 1 to 1048576 or a list of 2 items"),
    ("kernel: 3,", "", "13:5: connections[0]: missing key 'kernel'"),
    ("kind: pool", "kind: pol", "14:5: connections[1]: "),
    ("window: 2, weight: 1", "window: 2, weight: 2",
     "14:5: connections[1]: projection 'maps' to 'pooled': weights[0]: found 2; allowed: 0 to 1 (u1)"),
    ("size: 10,", "size: 10, shape: [10, 1, 1],", "11:5: layers[2]: "),
    ("shape: [4, 8, 8]", "shape: [1048576, 8, 8]",
     "9:5: layers[0]: shape: found 67,108,864 neurons; allowed: 1,048,576"),
    ("generic-conv-w8-v16", "generic-w8-v16",
     "10:5: layers[1]: layer 'pooled': neuron class: found 'pool'; allowed: neuron"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), FAULTS, ids=[new[:40] for _, new, _ in FAULTS])
def test_a_fault_is_named_with_its_place(tmp_path, old, new, expected):
    file = written(tmp_path, (old, new))
    with pytest.raises(DocumentError) as caught:
        load_recipe(file)
    found = [fault.removeprefix(f"{file}:") for fault in caught.value.faults]
    assert len(found) == len(expected.split("|"))
    for line, start in zip(found, expected.split("|"), strict=True):
        assert line.startswith(start), line


def test_a_chip_without_kernels_refuses_a_convolution(tmp_path):
    edits = [
        ("generic-conv-w8-v16", "generic-w8-v16"),
        ("neuron: pool, shape: [4, 4, 4], parameters: {}",
         "neuron: neuron, shape: [4, 4, 4], parameters: {threshold: 1, leak: 0}"),
        ("via: pooling", "via: forward"),
    ]  # fmt: skip
    with pytest.raises(DocumentError, match="is a convolution, which connection 'forward' has no kernels for"):
        load_recipe(written(tmp_path, *edits))
