"""`bitspike train`: train a recipe and write the integer network."""

from __future__ import annotations

import argparse
import os
from importlib import resources
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..archive import can_write
from ..errors import InputError, suggest
from ..network import Network, save_network
from .common import add_data_dir, add_json, note, print_json, training

_MODELS = "bitspike.models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("recipe", help="a recipe's .yaml, or the name of a shipped one")
    parser.add_argument("-o", "--output", required=True, help="the network file to write, .npz")
    parser.add_argument("--seed", type=int, default=0, help="of weights and sample order (default 0)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    add_data_dir(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Train, write, and print the test accuracy of the integers; 130 after Ctrl-C, the best network kept."""
    from ..engine import run

    can_write(args.output)  # before the training rather than after it
    trained = train_recipe(*read_recipe(args), args)
    save_network(trained.network, args.output)
    test = training().test_set(trained.network.task, trained.network.task["data"], args.data_dir)
    trace = run(trained.network, test.spikes)
    result = {
        "output": args.output,
        "accuracy": test.accuracy(trace.spikes),
        "samples": len(test.labels),
        "epochs": len(trained.history),
        "seconds": round(trained.seconds, 1),
        "overflows": trace.overflows,
        "silent_neurons": {name: int((layer.spikes.sum((0, 1)) == 0).sum()) for name, layer in trace.layers.items()},
    }
    if args.json:
        print_json(result)
    else:
        print(f"{args.output}: test accuracy {result['accuracy']:.2%} on {result['samples']} samples")
        _speak_up(trace)
    return 130 if trained.interrupted else 0


def read_recipe(args: argparse.Namespace) -> tuple[Any, Network]:
    """The recipe that the options ask for, and its untrained network. Raises BitspikeError, for the seed too."""
    if not 0 <= args.seed < 2**63:
        raise InputError(f"--seed: found {args.seed}; allowed: 0 to {2**63 - 1}")
    if args.epochs is not None and args.epochs < 1:
        raise InputError(f"--epochs: found {args.epochs}; allowed: 1 or more")
    path = recipe_path(args.recipe)
    recipe, template = training().load_recipe(path, args.data_dir)
    return (recipe if args.epochs is None else recipe.model_copy(update={"epochs": args.epochs})), template


def train_recipe(recipe: Any, template: Network, args: argparse.Namespace) -> Any:
    """Train, with a progress bar on a terminal. Raises InputError where the training fails."""
    with _progress() as progress:
        task = progress.add_task(recipe.name, total=recipe.epochs, status="")

        def show(epoch: Any) -> None:
            status = f"loss {epoch.loss:.3f}  train {epoch.accuracy:.1%}  {epoch.rate:.3f} spikes/neuron/step"
            progress.update(task, completed=epoch.number, status=status)

        trained = training().train(recipe, template, args.seed, show, args.data_dir)
    if trained.interrupted:
        note("interrupted: the best network so far is kept")
    return trained


def recipe_path(name: str) -> Path:
    """A recipe's file. Raises InputError for a name that is not shipped."""
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        return Path(name)
    folder = Path(str(resources.files(_MODELS)))
    shipped = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in shipped:
        allowed = f"{', '.join(shipped)}, or the path of a .yaml file"
        raise InputError(f"recipe: found {name!r}; allowed: {allowed}{suggest(name, shipped)}")
    return folder / f"{name}.yaml"


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}"),
        console=console,
        disable=not console.is_terminal,
    )


def _speak_up(trace: Any) -> None:
    """Say what a user would want to know of a network that is about to go to a chip."""
    for name, layer in trace.layers.items():
        silent = int((layer.spikes.sum((0, 1)) == 0).sum())
        if silent:
            note(f"warning: layer {name}: {silent} of {layer.spikes.shape[2]} neurons never spike on the test samples")
        for register, count in layer.overflows.items():
            if count:
                note(f"layer {name}: {register} overflowed in {count:,} writes")
