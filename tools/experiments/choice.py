"""Which of the settings that were searched a task's final seeds have."""

from __future__ import annotations

from .ledger import SEARCH, Ledger
from .plan import Task
from .settings import PAPER, PAPERS_OWN, Change, described


def chosen(task: Task, family: str, ledger: Ledger) -> Change:
    """That of best validation accuracy, the first of equals; of trainings of one setting the last counts."""
    if family == PAPER:
        return PAPERS_OWN
    searched = (run for run in ledger.runs if (run.task, run.family, run.phase) == (task.name, family, SEARCH))
    validation = {run.setting: run.validation for run in searched}
    return max(task.settings[family], key=lambda gradient: validation.get(described(gradient), -1.0))
