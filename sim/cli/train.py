"""`bitspike train`: train a recipe and write the integer network."""

from __future__ import annotations

import argparse
import os
from importlib import resources
from pathlib import Path
from typing import Any

from ..archive import can_write
from ..errors import DivergedError, InputError, suggest
from ..network import Network, save_network
from ..report.observed import deciding, observed
from ..report.proved import proved
from ..report.registers import COLUMNS, register_bounds
from .common import add_data_dir, add_json, extra, note, print_json, print_table, training
from .epochs import Logs, add_logs, watched

_MODELS = "bitspike.models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("recipe", help="a recipe's .yaml, or the name of a shipped one")
    parser.add_argument("-o", "--output", required=True, help="the network file to write, .npz")
    parser.add_argument("--seed", type=int, default=0, help="of weights and sample order (default 0)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--validation", type=int, metavar="N", help="training samples to choose by, as in the recipe")
    parser.add_argument("--device", default="cpu", help="cuda (a GPU) or cpu (default)")
    parser.add_argument("--resume", action="store_true", help="continue from OUTPUT.checkpoint, to the same bits")
    add_data_dir(parser)
    add_logs(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Train, write, and print the test accuracy of the integers; 130 after Ctrl-C, the best network kept."""
    from ..engine import run

    can_write(args.output)  # before the training rather than after it
    checkpoint = f"{args.output}.checkpoint"
    logs = Logs(args.csv, args.curves, args.tensorboard)
    try:
        recipe, template = read_recipe(args)
        options = {"checkpoint": checkpoint, "resume": args.resume, "device": args.device}
        trained = train_recipe(recipe, template, args, logs, **options)
    except DivergedError as error:
        _keep(error.trained, args.output)
        raise
    if not _first():
        return 130 if trained.interrupted else 0
    save_network(trained.network, args.output)
    if not trained.interrupted:
        Path(checkpoint).unlink(missing_ok=True)
    test = training().test_set(trained.network.task, trained.network.task["data"], args.data_dir)
    trace = run(trained.network, test.spikes, record=deciding(trained.network))
    known = proved(trained.network, trained.model.max_input, recipe.weight_bits)
    found = known + observed(trained.network, trace, test.spikes, known)
    controlled = recipe.overflow.kind != "allow"
    bounds = register_bounds(trained.network, trained.model.max_input) if controlled else []
    result = {
        "output": args.output,
        "accuracy": test.accuracy(trace.spikes),
        "samples": len(test.labels),
        "epochs": len(trained.history),
        "best_epoch": trained.best,
        "validation_accuracy": trained.history[trained.best - 1].validation_accuracy if trained.best else None,
        "seconds": round(trained.seconds, 1),
        "overflows": trace.overflows,
        "silent_neurons": {name: int((layer.spikes.sum((0, 1)) == 0).sum()) for name, layer in trace.layers.items()},
        "findings": [finding.json() for finding in found],
        "registers": [bound.json() for bound in bounds],
    }
    if args.json:
        print_json(result)
    else:
        print(f"{args.output}: test accuracy {result['accuracy']:.2%} on {result['samples']} samples")
        if bounds:
            print_table("", COLUMNS, [bound.row() for bound in bounds])
        for finding in found:
            note(f"warning: {finding}")
    return 130 if trained.interrupted else 0


def read_recipe(args: argparse.Namespace) -> tuple[Any, Network]:
    """The recipe that the options ask for, and its untrained network. Raises BitspikeError, for the seed too."""
    if not 0 <= args.seed < 2**63:
        raise InputError(f"--seed: found {args.seed}; allowed: 0 to {2**63 - 1}")
    given = {name: getattr(args, name, None) for name in ("epochs", "validation")}
    for name, value in given.items():
        if value is not None and value < 1:
            raise InputError(f"--{name}: found {value}; allowed: 1 or more")
    recipe, template = training().load_recipe(recipe_path(args.recipe), args.data_dir)
    return recipe.model_copy(update={name: value for name, value in given.items() if value is not None}), template


def train_recipe(
    recipe: Any, template: Network, args: argparse.Namespace, logs: Logs | None = None, **options: Any
) -> Any:
    """Train, with a progress bar on a terminal; options: of `train`. Raises BitspikeError where the training fails."""
    with watched(logs or Logs(), recipe.name, recipe.epochs, shown=_first()) as told:
        trained = training().train(recipe, template, args.seed, data_dir=args.data_dir, **options, **told)
    if trained.interrupted and _first():
        continues = "; --resume continues" if options.get("checkpoint") and trained.history else ""
        note(f"interrupted: the best network so far is kept{continues}")
    return trained


def _first() -> bool:
    """Whether this process is the one that writes: torchrun may have started others."""
    return bool(extra("training.processes").started().rank == 0)


def _keep(trained: Any, output: str) -> None:
    """Write the best network before a failure."""
    if trained.best and _first():
        save_network(trained.network, output)
        note(f"{output}: the best network before the failure, of epoch {trained.best}")


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
