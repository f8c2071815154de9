"""Which of the settings that were searched a task's final seeds have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from .ledger import SEARCH, Ledger, Run
from .plan import Task
from .settings import PAPER, PAPERS_OWN, Change, described

SEEDS_APART = 1000  # a search has seeds 0, 1000 and so on; the final phase its own, from 1


def chosen(task: Task, family: str, ledger: Ledger) -> Change:
    """That of best validation accuracy, the mean over the search's seeds, and the first of equals."""
    if family == PAPER:
        return PAPERS_OWN
    last = remaining(task, family, ledger, len(task.searches) - 1)
    return _best_first(task, family, ledger, last, task.searches[-1])[0]


def remaining(task: Task, family: str, ledger: Ledger, number: int) -> Sequence[Change]:
    """The settings in a round of a search, from round 0, which has all: the better half of those in the one before."""
    settings: Sequence[Change] = task.settings[family]
    for seeds in task.searches[:number]:
        better = _best_first(task, family, ledger, settings, seeds)[: (len(settings) + 1) // 2]
        settings = [gradient for gradient in settings if gradient in better]
    return settings


def _best_first(task: Task, family: str, ledger: Ledger, settings: Sequence[Change], seeds: int) -> list[Change]:
    """By the first so many seeds of a search; equals as they are listed."""
    found = searches(task, family, ledger)

    def score(gradient: Change) -> float:
        return validation([run for run in found.get(described(gradient), ()) if run.seed < seeds * SEEDS_APART])

    return sorted(settings, key=score, reverse=True)


def searches(task: Task, family: str, ledger: Ledger) -> Mapping[str, Sequence[Run]]:
    """The search of a family by setting: the last training of each seed."""
    wanted = (task.name, family, SEARCH)
    last = {(run.setting, run.seed): run for run in ledger.runs if (run.task, run.family, run.phase) == wanted}
    by_setting: dict[str, list[Run]] = {}
    for (setting, _), run in last.items():
        by_setting.setdefault(setting, []).append(run)
    return by_setting


def validation(runs: Sequence[Run]) -> float:
    """The mean accuracy on validation samples, -1 of no training."""
    return fmean(run.validation for run in runs) if runs else -1.0
