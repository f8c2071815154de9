"""What `bitspike train` shows and writes while it trains: a progress bar, a log, curves, TensorBoard."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..archive import can_write, write_text
from ..errors import InputError
from ..report.findings import Finding
from ..training.history import to_csv
from .common import extra, note


def add_logs(parser: argparse.ArgumentParser) -> None:
    """The options that ask for logs."""
    parser.add_argument("--csv", metavar="OUT", help="a row an epoch, written after each, .csv")
    parser.add_argument("--curves", metavar="OUT", help="loss, accuracy and spike rate over the epochs, .png")
    parser.add_argument("--tensorboard", metavar="DIR", help="write TensorBoard's event files into this folder")


@dataclass(frozen=True)
class Logs:
    """Where to write the log and the curves, and TensorBoard's folder."""

    csv: str | None = None
    curves: str | None = None
    tensorboard: str | None = None

    def check(self) -> None:
        """Raise InputError, FileError for a file that cannot be written."""
        for option, path, kind in (("--csv", self.csv, ".csv"), ("--curves", self.curves, ".png")):
            if path is not None and not path.endswith(kind):
                raise InputError(f"{option}: found {path!r}; allowed: a name that ends in {kind}")
            if path is not None:
                can_write(path)


@contextmanager
def watched(logs: Logs, name: str, epochs: int, shown: bool = True) -> Iterator[dict[str, Any]]:
    """The arguments of `train` that are told of epochs and batches: a bar on a terminal if `shown`, and the logs;
    what is wrong with the network becomes a line on stderr.

    Raises InputError, FileError before the block for a log that cannot be written.
    """
    logs.check()
    curves = extra("training.curves") if logs.curves else None
    board = extra("training.tensorboard").Board(logs.tensorboard) if logs.tensorboard and shown else None
    history: list[Any] = []
    with _bar(shown) as bar:
        task = bar.add_task(name, total=epochs, status="", done=f"0/{epochs}")

        def on_epoch(epoch: Any) -> None:
            history.append(epoch)
            bar.update(task, completed=epoch.number, status=_status(epoch), done=f"{epoch.number}/{epochs}")
            if logs.csv:
                write_text(logs.csv, to_csv(history))
            if board is not None:
                board.add(epoch)

        def on_finding(finding: Finding) -> None:
            note(f"warning: epoch {len(history)}: {finding}")

        yield {
            "on_epoch": on_epoch,
            "on_batch": lambda done: bar.update(task, completed=done),
            "on_finding": on_finding,
        }
    if board is not None:
        board.close()
    if curves is not None and history:
        curves.training_curves(history, logs.curves, name)


def _status(epoch: Any) -> str:
    held = epoch.validation_accuracy
    validation = "" if held is None else f"  validation {held:.1%}"
    return f"loss {epoch.loss:.3f}  train {epoch.accuracy:.1%}{validation}  {epoch.rate:.3f} spikes/neuron/step"


def _bar(shown: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}"),
        console=console,
        disable=not (shown and console.is_terminal),
    )
