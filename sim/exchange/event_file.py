"""Events as a CSV file that anyone can write: a row an event, a column for each value that events carry.

    kind,source,neuron,weight
    spike,3,,
    reference,,,
    virtual,,7,-2

The first row names the columns, in any order: `kind`, the addresses `source` and `neuron`, and fields of the profile's
kinds of events. A cell is empty, or its column left out, where an event carries no such value.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator

import numpy as np

from ..archive import write_text
from ..errors import FileError, suggest
from ..events import ABSENT, Events
from ..network.network import Network
from ..profile.events import NEURON, SOURCE

MAX_BYTES = 1 << 30  # of a file that is read
KIND = "kind"
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)

_Rows = list[tuple[int, list[str]]]  # with the line that each ends in


def read_event_file(path: str | os.PathLike[str], network: Network) -> Events:
    """The events of a CSV file, all of them allowed by the network's core.

    Raises FileError, which names the file, the line of the first event at fault and what is allowed there.
    """
    place = os.fspath(path)
    rows = _rows(place)
    if not rows:
        raise FileError(f"{place}:1: found nothing; allowed: a row of column names, such as kind,source")
    (line, names), *events = rows
    _check_header(f"{place}:{line}", names, network)
    if not events:
        raise FileError(f"{place}:{line}: found no events; at least one is needed")
    stream = _stream(place, names, events)
    fault = stream.fault(network)
    if fault is not None:
        raise FileError(f"{place}:{events[fault[0]][0]}: {fault[1]}")
    return stream


def write_event_file(path: str | os.PathLike[str], events: Events) -> None:
    """Write the CSV file, whole or not at all. Raises FileError."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([KIND, *events.values])
    columns = [["" if value == ABSENT else value for value in column.tolist()] for column in events.values.values()]
    rows.writerows(zip([events.names[kind] for kind in events.kind.tolist()], *columns, strict=True))
    write_text(path, text.getvalue())


def _rows(place: str) -> _Rows:
    """The rows of lines that are not empty, their cells without the spaces around them."""
    try:
        if os.stat(place).st_size > MAX_BYTES:
            raise FileError(f"{place}: larger than {MAX_BYTES:,} bytes")
        with open(place, encoding="utf-8-sig", newline="") as file:
            return list(_cells(csv.reader(file, strict=True), place))
    except FileNotFoundError:
        raise FileError(f"{place}: no such file") from None
    except OSError as error:
        raise FileError(f"{place}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise FileError(f"{place}: found bytes that are no UTF-8 text; allowed: a CSV file of events") from None


def _cells(rows: Iterator[list[str]], place: str) -> Iterator[tuple[int, list[str]]]:
    line = 1
    try:
        for cells in rows:
            line = rows.line_num  # type: ignore[attr-defined]
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                yield line, stripped
            line += 1
    except csv.Error as error:
        raise FileError(f"{place}:{line}: {error}") from None


def _check_header(place: str, names: list[str], network: Network) -> None:
    """Every column is one that the core's events have, once."""
    kinds = network.profile.events.values()
    known = list(dict.fromkeys([KIND, *(name for each in kinds for name in (*each.addresses, *each.fields))]))
    order = [name for name in (KIND, SOURCE, NEURON) if name in known]
    known = [*order, *(name for name in known if name not in order)]
    for name in names:
        if name not in known:
            raise FileError(f"{place}: found column {name!r}; allowed: {', '.join(known)}{suggest(name, known)}")
        if names.count(name) > 1:
            raise FileError(f"{place}: found column {name!r} twice; allowed: once")
    if KIND not in names:
        raise FileError(f"{place}: found no column '{KIND}'; it names the kind of each event")


def _stream(place: str, names: list[str], rows: _Rows) -> Events:
    """The rows as a stream of their own kinds."""
    kinds: dict[str, int] = {}
    columns: dict[str, list[int]] = {name: [] for name in names}
    for line, cells in rows:
        if len(cells) != len(names):
            raise FileError(f"{place}:{line}: found {len(cells)} cells; allowed: {len(names)}, one a column")
        for name, cell in zip(names, cells, strict=True):
            if name == KIND:
                columns[name].append(kinds.setdefault(cell, len(kinds)))
            else:
                columns[name].append(_integer(f"{place}:{line}: {name}", cell))
    arrays = {name: np.array(column, np.int64) for name, column in columns.items()}
    kind = arrays.pop(KIND)
    return Events(tuple(kinds), kind, arrays)


def _integer(place: str, cell: str) -> int:
    if not cell:
        return ABSENT
    value = int(cell) if _INTEGER.fullmatch(cell) else ABSENT
    if not -(1 << 63) < value < 1 << 63:
        raise FileError(f"{place}: found {cell[:40]!r}; allowed: an integer of 63 bits, or nothing")
    return value
