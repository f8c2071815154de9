"""What several verbs share: input spikes, tables, JSON, and importing what only training needs."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from ..errors import BitspikeError, DocumentError, FileError, InputError, NetworkError
from ..events import Events, load_events
from ..exchange.event_file import read_event_file
from ..network import Network
from ..training.data import DATA_DIR, DATA_SETS
from ..training.task import TestSet, test_set

MAX_SPIKE_FILE = 1 << 32  # bytes of an .npy file that are read
UNWRAPPED = 1000  # columns of a table that no terminal shows


@dataclass(frozen=True)
class Input:
    """Spikes [sample, step, input] or events, and the labelled test set they come from, if they do."""

    spikes: NDArray[np.integer[Any]] | Events
    test: TestSet | None


def add_json(parser: argparse.ArgumentParser, default: bool | str = False) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", default=default, help="print JSON for a program to read")


def add_settings(parser: argparse.ArgumentParser, use: str) -> None:
    """The option --set, which may be repeated."""
    parser.add_argument("--set", dest="values", action="append", default=[], metavar="NAME=VALUE", help=use)


def settings_of(args: argparse.Namespace) -> dict[str, int]:
    """Integers by name, of the options --set. Raises InputError."""
    values = {}
    for setting in args.values:
        name, _, number = setting.partition("=")
        if not name or not re.fullmatch("-?[0-9]{1,20}", number, re.ASCII):
            raise InputError(f"--set: found {setting!r}; allowed: NAME=VALUE, an integer")
        if name in values:
            raise InputError(f"--set: found '{name}' twice; allowed: once")
        values[name] = int(number)
    return values


def add_data(parser: argparse.ArgumentParser, required: bool = True, use: str = "", alias: str | None = None) -> None:
    """The options that choose input spikes. use: what they are for, where not to be run. alias: another name."""
    known = ", ".join(DATA_SETS)
    files = "an .npy file of spike counts, or with clock: event a .csv or .npz file of events"
    names = ("--data", alias) if alias else ("--data",)
    parser.add_argument(*names, dest="data", required=required, help=f"{use}a data set ({known}), {files}")
    parser.add_argument("--samples", type=int, help="only so many samples, from the first")
    add_data_dir(parser)


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option that says where the files of data sets are."""
    use = f"the folder that has the files of data sets (default: the environment variable {DATA_DIR})"
    parser.add_argument("--data-dir", metavar="FOLDER", help=use)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options that choose layers, neurons and registers."""
    layer = "only this layer; NAME:0..7,12 for some of its neurons; may be repeated"
    parser.add_argument("--layer", action="append", metavar="NAME[:NEURONS]", help=layer)
    register = "only this register, or 'spikes'; may be repeated"
    parser.add_argument("--register", action="append", metavar="NAME", help=register)


def chosen_layers(options: Sequence[str] | None) -> dict[str, Sequence[int] | None] | None:
    """Neurons by layer, None for all of them, of the options --layer. Raises InputError."""
    if options is None:
        return None
    layers: dict[str, Sequence[int] | None] = {}
    for option in options:
        name, colon, text = option.partition(":")
        if name in layers:
            raise InputError(f"--layer: found '{name}' twice; allowed: once, such as {name}:0..7,12")
        layers[name] = _neurons(option, text) if colon else None
    return layers


def _neurons(option: str, text: str) -> list[int]:
    neurons: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,8})(?:\.\.([0-9]{1,8}))?", part, re.ASCII)
        if not match or int(match[1]) > int(match[2] or match[1]):
            raise InputError(f"--layer: found {option!r}; allowed: NAME, or NAME:NEURONS such as 0..7,12")
        neurons += range(int(match[1]), int(match[2] or match[1]) + 1)
    return neurons


def load_input(network: Network, data: str, samples: int | None, data_dir: str | None) -> Input:
    """Spikes by data set or from an .npy file; events from a .csv or .npz file. Raises InputError, FileError.

    data_dir: the folder of `load_data`.
    """
    if samples is not None and samples < 1:
        raise InputError(f"--samples: found {samples}; allowed: 1 or more")
    if network.profile.clock == "event":
        return Input(_read_events(network, data), None)
    if data.endswith((".csv", ".npz")):
        allowed = f"a data set ({', '.join(DATA_SETS)}) or an .npy file, as '{network.profile.name}' has clock: step"
        raise InputError(f"data: found {data!r}; allowed: {allowed}")
    if data.endswith(".npy"):
        spikes, test = read_spikes(data), None
    else:
        test = test_set(network.task, data, data_dir)
        spikes = test.spikes
    if samples is not None:
        spikes = spikes[:samples] if spikes.ndim == 3 else spikes
        test = test and test.first(samples)
    return Input(spikes, test)


def _read_events(network: Network, data: str) -> Events:
    """One stream, of what is written by hand (.csv) or by `Events.save` (.npz)."""
    if data.endswith(".csv"):
        return read_event_file(data, network)
    if data.endswith(".npz"):
        return load_events(data)
    allowed = f"a .csv or .npz file of events, as '{network.profile.name}' has clock: event"
    raise InputError(f"data: found {data!r}; allowed: {allowed}")


def read_spikes(path: str) -> NDArray[Any]:
    """An array of an .npy file, never unpickled. Raises FileError."""
    try:
        with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):
            if os.fstat(file.fileno()).st_size > MAX_SPIKE_FILE:
                raise FileError(f"{path}: larger than {MAX_SPIKE_FILE:,} bytes")
            array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
            return array
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except FileError:
        raise
    except Exception:  # whatever a hostile header leads NumPy's parser to raise
        raise FileError(f"{path}: damaged, or not an .npy file of integers") from None


def training() -> ModuleType:
    """The training package, with torch. Raises InputError where the extra is not installed."""
    extra("training.loop")
    return extra("training")


def extra(module: str) -> ModuleType:
    """A module of bitspike that needs the extra `train`. Raises InputError where it is not installed."""
    try:
        return import_module(f"{__package__.rpartition('.')[0]}.{module}")
    except ImportError as error:
        missing = f"{error.name} is missing" if error.name else error
        raise InputError(f"training needs the extra 'train' ({missing}): pip install 'bitspike[train]'") from None


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=1))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table on stdout; the first column is text, the others are numbers or text."""
    table = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold", show_header=any(columns)
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    width = None if sys.stdout.isatty() else UNWRAPPED
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as text:  # printed below, so that a closed pipe is met in one place
        console.print(table)
    print("\n".join(line.rstrip() for line in text.get().split("\n")), end="")


def note(text: str) -> None:
    """A line on stderr, where results are not; what cannot be printed is escaped."""
    print("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text), file=sys.stderr)


def faults_of(error: BitspikeError) -> tuple[str, ...]:
    """A line for each fault that an error is about."""
    return error.faults if isinstance(error, DocumentError | NetworkError) else (str(error),)
