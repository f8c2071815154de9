"""Carrying out a task's trainings: the search on validation samples, then the final seeds on the test set."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from bitspike import Network, compare, run
from bitspike.training import Recipe, Trained, load_recipe, test_set, train
from bitspike.training.task import TestSet

from .choice import SEEDS_APART, chosen, remaining
from .ledger import FINAL, SEARCH, Ledger, Run
from .plan import Task
from .settings import BOOLEAN, FAMILIES, PAPER, SEARCHED, Change, described

MODELS = Path(__file__).resolve().parents[2] / "models"
AT_ONCE = 250  # test samples whose every register is held at a time


def carry_out(task: Task, ledger: Ledger, data_dir: Path | None) -> Iterator[Run]:
    """The trainings of a task that the ledger lacks, each as soon as it is in the ledger."""
    loaded = load_recipe(MODELS / f"{task.recipe}.yaml", data_dir)
    for family, gradient, seed in _search(task, ledger):
        yield from _missing(task, family, gradient, SEARCH, seed, loaded, ledger, data_dir)
    gradients = {family: chosen(task, family, ledger) for family in FAMILIES}
    for seed in range(1, 1 + task.seeds):
        for family, gradient in gradients.items():
            if family != PAPER or seed <= task.papers:
                yield from _missing(task, family, gradient, FINAL, seed, loaded, ledger, data_dir)


def _search(task: Task, ledger: Ledger) -> Iterator[tuple[str, Change, int]]:
    """The trainings of a search, round after round: family, gradient and seed."""
    done = 0
    for number, seeds in enumerate(task.searches):
        for family in SEARCHED:
            for gradient in remaining(task, family, ledger, number) if len(task.settings[family]) > 1 else ():
                for seed in range(done * SEEDS_APART, seeds * SEEDS_APART, SEEDS_APART):
                    yield family, gradient, seed
        done = seeds


def _missing(
    task: Task,
    family: str,
    gradient: Change,
    phase: str,
    seed: int,
    loaded: tuple[Recipe, Network],
    ledger: Ledger,
    data_dir: Path | None,
) -> Iterator[Run]:
    """One training, unless the ledger has it, with the oracle's proof where that is wanted."""
    recipe, template = _changed(task, gradient, seed, loaded[0]), loaded[1]
    digest = _digest(recipe, template)
    oracle = task.oracle if (family, phase, seed) == (BOOLEAN, FINAL, 1) else 0
    known = ledger.find((task.name, phase, digest, seed))
    if known is not None and (not oracle or "oracle" in known.proof):
        return
    began = time.perf_counter()
    trained = train(recipe, template, seed, data_dir=data_dir)
    best = trained.history[trained.best - 1]
    done = Run(
        task=task.name,
        family=family,
        setting=described(gradient),
        phase=phase,
        seed=seed,
        recipe=digest,
        validation=float(best.validation_accuracy or 0),
        test=None,
        epochs=len(trained.history),
        rate=best.rate,
        seconds=round(time.perf_counter() - began, 1),
        versions={name: version(name) for name in ("bitspike", "brevitas", "numpy", "torch")},
    )
    if phase == FINAL:
        done = replace(done, **_tested(trained, test_set(trained.network.task, recipe.data, data_dir), oracle))
    ledger.add(done)
    yield done


def _changed(task: Task, gradient: Change, seed: int, recipe: Recipe) -> Recipe:
    """The recipe with a task's changes and a gradient, checked as if it had been read."""
    values = recipe.model_dump(mode="json", by_alias=True) | dict(task.changed(seed)) | {"gradient": dict(gradient)}
    return Recipe.model_validate_json(json.dumps(values))


def _digest(recipe: Recipe, template: Network) -> str:
    text = (
        recipe.model_dump_json(exclude_defaults=True) + template.profile.digest
    )  # keys that come later change nothing
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tested(trained: Trained, test: TestSet, oracle: int) -> dict[str, Any]:
    """What is measured of the integers on the test set, after every register was found equal. Raises MismatchError."""
    right, decided, rates, proof = 0.0, 0.0, [], {"engine": 0}
    for first in range(0, len(test.labels), AT_ONCE):
        part = replace(test, spikes=test.spikes[first : first + AT_ONCE], labels=test.labels[first : first + AT_ONCE])
        trace = run(trained.network, part.spikes, record="all")
        compare(trained.model.trace(part.spikes), trace).check()
        right += part.accuracy(trace.spikes) * len(part.labels)
        decided += part.decided_after(trace.spikes) * len(part.labels)
        rates += [(layer.spikes.mean(), layer.spikes.size) for layer in trace.layers.values()]
        proof["engine"] += len(part.labels)
    if oracle:
        samples = test.spikes[:oracle]
        slow = run(trained.network, samples, record="all", engine="oracle")
        compare(run(trained.network, samples, record="all"), slow).check()
        proof["oracle"] = len(samples)
    means, sizes = zip(*rates, strict=True)
    rate = float(np.average(means, weights=sizes))
    samples = len(test.labels)
    return {"test": right / samples, "rate": rate, "proof": proof, "decided": round(decided / samples, 3)}
