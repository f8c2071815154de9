"""`bitspike demo`: train a recipe, prove it bit for bit, export it, and draw it."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..archive import can_write, write_text
from ..datapath import Branch
from ..errors import FileError, MismatchError
from ..exchange import read_images, write_images
from ..network import Network, load_network, save_network
from ..report.summary import Summary, activity
from ..trace import LayerTrace, Trace
from ..training.task import TestSet
from .common import add_data_dir, add_json, extra, note, print_json, print_table, training
from .train import read_recipe, train_recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("-o", "--output", default="build/demo", help="a folder (default build/demo)")
    parser.add_argument("--recipe", default="digits", help="a recipe (default digits)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    add_data_dir(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Run the main job from recipe to memory images; raises MismatchError if a single bit differs."""
    started, package, figures = time.perf_counter(), training(), extra("report.figures")
    from ..training.loop import float_accuracy
    from ..training.proof import prove

    recipe, template = read_recipe(args)
    folder = _folder(args.output)
    note(f"Training {args.recipe} ...")
    trained = train_recipe(recipe, template, args)
    if trained.interrupted:
        save_network(trained.network, folder / "network.npz")
        return 130
    test = package.test_set(trained.network.task, trained.network.task["data"], args.data_dir)
    note(f"Comparing training forward, compiled engine and integer oracle on {len(test.labels)} samples ...")
    proof = prove(trained.model, test)
    proof.check()
    read_back = _export(trained.network, folder)
    rates, overflows, silent = activity(proof.trace)
    _draw(figures, trained, proof.trace, test, folder)
    summary = Summary(
        accuracy=test.accuracy(proof.trace.spikes),
        float_accuracy=float_accuracy(trained.model, test),
        samples=proof.training.samples,
        samples_bit_exact=proof.samples_bit_exact,
        values=proof.values,
        spike_rate=rates,
        overflows=overflows,
        silent=silent,
        seconds=time.perf_counter() - started,
        training_seconds=trained.seconds,
    )
    write_text(folder / "summary.json", json.dumps(summary.json(), indent=1) + "\n")
    if args.json:
        print_json(summary.json())
    else:
        rows = [*summary.rows(), ("export read back", f"equal, {read_back:,} integers compared")]
        print_table(f"{trained.network.profile.name}: {args.recipe}", ("", ""), rows)
        print(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    return 0


def _folder(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{name}: cannot be written: {error.strerror}") from None
    can_write(folder / "summary.json")
    return folder


def _export(network: Network, folder: Path) -> int:
    """Write the network both ways, read both back, and count the integers that were compared."""
    save_network(network, folder / "network.npz")
    write_images(network, folder / "readmemh")
    if load_network(folder / "network.npz") != network or read_images(folder / "readmemh") != network:
        raise MismatchError(f"{folder}: what was exported does not read back as the same network")
    return 2 * sum(array.size for array in network.arrays().values())


def _draw(figures: ModuleType, trained: Any, trace: Trace, test: TestSet, folder: Path) -> None:
    """A raster of one sample, a membrane with its threshold, the spike gradient over all membranes."""
    from ..ops.base import crossing

    network: Network = trained.network
    population = network.populations[0]
    neuron, layer = network.neuron_class(population), trace[population.name]
    branch = neuron.fire.branches[0]
    title = f"{network.profile.name}, test sample 0, a {test.labels[0]}"
    figures.spike_raster(trace, test.spikes[0], 0, folder / "raster.png", f"Spikes: {title}")
    decides = crossing(branch.crossing, neuron.registers)
    if decides is None or decides[2] in neuron.registers:
        note(f"layer {population.name} compares no register with a threshold that stays: its membrane is not drawn")
        return
    register, operand = str(decides[0]), decides[2]
    given = population.parameters[operand] if isinstance(operand, str) else operand
    thresholds = np.broadcast_to(np.asarray(given, np.int64), population.size)
    counts = layer.spikes[0].sum(axis=0, dtype=np.int64)
    index = int(np.argmin(abs(counts - layer.spikes.shape[1] // 2)))  # neither silent nor always on
    chosen, path = int(thresholds[index]), folder / "membrane.png"
    figures.membrane_trace(trace, population.name, index, 0, chosen, path, f"Membrane: {title}", register=register)
    word = neuron.registers[register]
    figures.gradient_histogram(
        extra("training.gradient").sampled(trained.model.ops.gradient, chosen, word, branch.repeat),
        word,
        chosen,
        branch.repeat,
        _before_reset(branch, register, operand, layer, thresholds).ravel(),
        folder / "gradient.png",
        f"Spike gradient over the membranes of layer {population.name}",
    )


def _before_reset(
    branch: Branch, register: str, operand: str | int, layer: LayerTrace, thresholds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What the neurons compared with their thresholds, where the reset subtracted those; else what is left."""
    left = np.asarray(layer.registers[register], np.int64)
    subtracts = [item.stage.operands() for item in branch.do if item.stage.key == "add"] == [[register, operand]]
    return left + layer.spikes * thresholds if subtracts else left
