"""What several verbs share: input spikes, tables, JSON, and importing what only training needs."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from ..errors import FileError, InputError
from ..network import Network
from ..training.data import DATA_SETS, TestSet, test_set

MAX_SPIKE_FILE = 1 << 32  # bytes of an .npy file that are read


@dataclass(frozen=True)
class Input:
    """Spikes [sample, step, input], and the labelled test set they come from, if they do."""

    spikes: NDArray[np.integer[Any]]
    test: TestSet | None


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")


def add_data(parser: argparse.ArgumentParser) -> None:
    """The options that choose input spikes."""
    known = ", ".join(DATA_SETS)
    parser.add_argument("--data", required=True, help=f"a data set ({known}) or an .npy file of spike counts")
    parser.add_argument("--samples", type=int, help="only so many samples, from the first")


def load_input(network: Network, data: str, samples: int | None) -> Input:
    """Spikes by data set or from an .npy file. Raises InputError, FileError."""
    if data.endswith(".npy"):
        spikes, test = read_spikes(data), None
    else:
        test = test_set(network.task, data)
        spikes = test.spikes
    if samples is not None:
        if samples < 1:
            raise InputError(f"--samples: found {samples}; allowed: 1 or more")
        spikes = spikes[:samples] if spikes.ndim == 3 else spikes
        test = test and test.first(samples)
    return Input(spikes, test)


def read_spikes(path: str) -> NDArray[Any]:
    """An array of an .npy file, never unpickled. Raises FileError."""
    try:
        if os.path.getsize(path) > MAX_SPIKE_FILE:
            raise FileError(f"{path}: larger than {MAX_SPIKE_FILE:,} bytes")
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, MemoryError, SyntaxError):
        raise FileError(f"{path}: damaged, or not an .npy file of integers") from None
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}: not an .npy file")
    return array


def training() -> ModuleType:
    """The training package, with torch. Raises InputError where the extra is not installed."""
    try:
        from .. import training as package
        from ..training import loop  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"training needs the extra 'train' ({error.name} is missing): pip install 'bitspike[train]'"
        ) from None
    return package


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=1))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table on stdout; the first column is text, the others are numbers or text."""
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(highlight=False, markup=False).print(table)


def note(text: str) -> None:
    """A line on stderr, where results are not."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text)
