"""Running the command line in the tests: in this process, its output captured; small networks and recipes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bitspike as bs
import numpy as np
import pytest
from bitspike.cli import main
from builders import GENERIC

HWCONFIGS = Path(bs.__file__).parent.parent / "hwconfigs"

RECIPE = """\
schema: 1
name: tiny
title: A network that trains in a second
profile: generic-w8-v16
data: digits
encoding: {kind: rate, steps: 2}
readout: {kind: per_class}
layers:
  - {name: hidden, neuron: neuron, size: 6, parameters: {threshold: 128, leak: 4}}
  - {name: output, neuron: neuron, size: 10, parameters: {threshold: 128, leak: 4}}
connections:
  - {source: input, target: hidden, via: forward, synapses: 1, parameters: {}}
  - {source: hidden, target: output, via: forward, synapses: 1, parameters: {}}
weight_bits: 8
gain: 256.0
gradient:
  kind: boolean
  options: {k: 7, p: 1.0, dither: true}
  scale: 1.0
  reset_share: 0.0
epochs: 1
batch: 300
learning_rate: 0.01
logit_scale: 1.0
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return self.err.splitlines()


def bitspike(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Run the command line in this process."""
    capsys.readouterr()
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:  # argparse refused the arguments
        status = int(end.code or 0)
    printed = capsys.readouterr()
    return Ran(status, printed.out, printed.err)


def beside_compiling(stderr: str) -> str:
    """What a program says besides that it compiles, which it does where the kernels are not kept yet."""
    return "".join(line for line in stderr.splitlines(True) if not line.startswith("compiling a kernel for this"))


def beside_findings(lines: list[str]) -> list[str]:
    """What is said besides findings of a network."""
    return [line for line in lines if not line.startswith("warning: ") or "layer" not in line]


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: object) -> list[str]:
    """The lines on stderr of a command that ends with status 2, prints no result and writes nothing."""
    before = contents(folder)
    ran = bitspike(capsys, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert contents(folder) == before
    return ran.errors


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with what it holds, and every folder."""
    return {str(path): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")}


def recipe(path: Path, *edits: tuple[str, str]) -> Path:
    """The tiny recipe with text replaced, at `path`."""
    text = RECIPE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return path


def train_on_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take 60 of the training samples: these tests are about the command line, not about learning."""
    from bitspike.training import loop

    data = loop.load_data("digits")
    few = replace(data, train=data.train[:60], train_labels=data.train_labels[:60])
    monkeypatch.setattr(loop, "load_data", lambda *arguments: few)


def small(path: Path) -> Path:
    """A network file: two inputs, two neurons in layer 'a'."""
    layer = bs.Population("a", 2, {"threshold": 9, "leak": 2})
    weights = np.array([[5, -3], [2, 7]])
    bs.save_network(
        bs.Network(bs.load_profile(GENERIC), 2, [layer], [bs.Projection("input", "a", weights, "forward")]), path
    )
    return path


def digits(path: Path) -> Path:
    """A network file with a task: 64 pixels to 10 neurons, weights that were never trained."""
    weights = np.random.default_rng(0).integers(-127, 128, (64, 10))
    layer = bs.Population("output", 10, {"threshold": 128, "leak": 4})
    task = {
        "data": "digits",
        "encoding": {"kind": "rate", "steps": 2},
        "readout": {"kind": "per_class"},
        "recipe": "tiny",
    }
    projection = bs.Projection("input", "output", weights, "forward")
    bs.save_network(bs.Network(bs.load_profile(GENERIC), 64, [layer], [projection], task=task), path)
    return path


def spikes(path: Path, samples: int = 3, steps: int = 4, inputs: int = 2) -> Path:
    """An .npy file of spike counts, one to three in every step."""
    counts = np.arange(samples * steps * inputs).reshape(samples, steps, inputs) % 3 + 1
    np.save(path, counts.astype(np.uint8))
    return path
