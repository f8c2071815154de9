"""Which of the settings that were searched a task's final seeds have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from .ledger import SEARCH, Ledger, Run
from .plan import Task
from .settings import PAPER, PAPERS_OWN, Change, described


def chosen(task: Task, family: str, ledger: Ledger) -> Change:
    """That of best validation accuracy, the mean over the search's seeds, and the first of equals."""
    if family == PAPER:
        return PAPERS_OWN
    searched = searches(task, family, ledger)
    return max(task.settings[family], key=lambda gradient: validation(searched.get(described(gradient), ())))


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
