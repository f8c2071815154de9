"""models/RESULTS.md: what the ledger's runs say, in tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from .choice import chosen, searches, validation
from .ledger import FINAL, Ledger, Run
from .plan import TASKS, Task
from .settings import BOOLEAN, FAMILIES, SEARCHED, SURROGATE, described
from .statistics import Paired, paired, spread


def page(ledger: Ledger) -> str:
    """The whole page, in Markdown."""
    parts = [_INTRODUCTION, _main_table(ledger), _COLUMNS]
    parts += [_details(task, ledger) for task in TASKS]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


_INTRODUCTION = """
# What training reaches

Made by `python tools/results.py`; every training is a line of `RESULTS.jsonl` beside this page. Accuracies are those
of the exported integers. Settings are chosen on validation samples cut from the training set, other ones with each
seed, with equally many settings and seeds for both families; where the seeds listed differ, the better half of the
settings went on to more of them. The test set is read in the final phase only.
"""

_COLUMNS = """
Accuracies are mean and sample deviation in percent over the seeds. *Paper* is the paper's own gradient: every bit,
p = 1. *Difference*: Boolean less surrogate in points, paired by seed, with its 95 % interval (Student's t); no p is
corrected for the number of rows. *Spikes*: of a neuron in a step, mean over the test set and the seeds, in the order of
the three columns. *Equal*: test samples of which every register of every neuron and step was equal in training and the
engine, and in the engine and the oracle. *Decided after*, below: so many steps until a test sample has the class that
it keeps, in the mean; older trainings lack it.
"""


def _main_table(ledger: Ledger) -> str:
    head = ("task", "wanted", "Boolean", "surrogate", "paper", "difference", "spikes", "equal", "seeds")
    return _markdown(head, [_main_row(task, ledger) for task in TASKS])


def _main_row(task: Task, ledger: Ledger) -> list[str]:
    finals = {family: _finals(task, family, ledger) for family in FAMILIES}
    difference = paired(_by_seed(finals[BOOLEAN]), _by_seed(finals[SURROGATE]))
    everything = {run.key: run for runs in finals.values() for run in runs}.values()
    seeds = sorted({run.seed for run in everything})
    return [
        task.title,
        f">= {task.wanted:.1f}" if task.wanted else "report",
        *(_accuracy(finals[family]) for family in FAMILIES),
        _difference(difference),
        " / ".join(_rate(finals[family]) for family in FAMILIES),
        _equal(everything),
        _seeds(seeds),
    ]


def _details(task: Task, ledger: Ledger) -> str:
    """The search of a task, and its chosen settings' seeds."""
    searched = _search_rows(task, ledger)
    finals = [_final_row(family, run) for family in FAMILIES for run in _finals(task, family, ledger)]
    if not searched and not finals:
        return f"## {task.title}\n\nNot run yet."
    search = _markdown(("family", "setting", "validation", "spikes a neuron and step", "epochs", "seeds"), searched)
    final = _markdown(
        ("family", "setting", "seed", "test", "decided after", "spikes a neuron and step", "epochs", "seconds"), finals
    )
    parts = [
        f"## {task.title}",
        task.note,
        *_gaps(task, ledger),
        search if searched else "",
        final if finals else "The final seeds were not run yet.",
    ]
    return "\n\n".join(part for part in parts if part)


def _search_rows(task: Task, ledger: Ledger) -> list[list[str]]:
    """A line a setting, the best of a family first, of those with the most seeds."""
    return [
        [
            family,
            f"`{setting}`",
            f"{validation(runs):.2%}",
            f"{fmean(run.rate for run in runs):.3f}",
            str(runs[0].epochs),
            str(len(runs)),
        ]
        for family in SEARCHED
        for setting, runs in sorted(
            searches(task, family, ledger).items(), key=lambda item: (-len(item[1]), -validation(item[1]))
        )
    ]


def _gaps(task: Task, ledger: Ledger) -> list[str]:
    """How far a task's Boolean mean is from those of the tasks that it is held against."""
    tasks = {each.name: each for each in TASKS}
    own, others = _mean(task, ledger), {tasks[name].title: _mean(tasks[name], ledger) for name in task.against}
    return [
        f"Boolean mean less that of *{title}*: {own - mean:+.2f} points."
        for title, mean in others.items()
        if own is not None and mean is not None
    ]


def _mean(task: Task, ledger: Ledger) -> float | None:
    values = list(_by_seed(_finals(task, BOOLEAN, ledger)).values())
    return spread(values)[0] if values else None


def _final_row(family: str, run: Run) -> list[str]:
    accuracy = "-" if run.test is None else f"{run.test:.2%}"
    decided = "-" if run.decided is None else f"{run.decided:.2f}"
    seed, rate, epochs, seconds = str(run.seed), f"{run.rate:.3f}", str(run.epochs), f"{run.seconds:.0f}"
    return [family, f"`{run.setting}`", seed, accuracy, decided, rate, epochs, seconds]


def _finals(task: Task, family: str, ledger: Ledger) -> list[Run]:
    """The final seeds of the setting that a family has now, the last training of each, whichever family it was for.

    Those of a setting that a wider search put aside, or of a recipe as it was before, do not count.
    """
    wanted = (task.name, FINAL, described(chosen(task, family, ledger)))
    found = [run for run in ledger.runs if (run.task, run.phase, run.setting) == wanted]
    runs = {run.seed: run for run in found if task.folds or run.recipe == found[-1].recipe}  # a fold has its own
    return [runs[seed] for seed in sorted(runs)]


def _by_seed(runs: Iterable[Run]) -> dict[int, float]:
    return {run.seed: 100 * run.test for run in runs if run.test is not None}


def _accuracy(runs: Sequence[Run]) -> str:
    values = list(_by_seed(runs).values())
    if not values:
        return "-"
    mean, deviation = spread(values)
    return f"{mean:.2f} ± {deviation:.2f}"


def _rate(runs: Sequence[Run]) -> str:
    return f"{spread([run.rate for run in runs])[0]:.3f}" if runs else "-"


def _difference(found: Paired | None) -> str:
    return "-" if found is None else f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}], p = {_p(found.p)}"


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return " ".join(map(str, seeds)) or "-"


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _equal(runs: Iterable[Run]) -> str:
    totals: dict[str, int] = {}
    for run in runs:
        for against, samples in run.proof.items():
            totals[against] = totals.get(against, 0) + samples
    return ", ".join(f"{samples:,} {against}" for against, samples in totals.items()) or "-"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
