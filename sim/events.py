"""A stream of events for an event-clocked core, as integer arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .archive import read_archive, write_archive
from .errors import FileError, InputError, suggest
from .network.network import Network
from .profile.events import EventKind

SCHEMA = 1
ABSENT = -(1 << 63)  # of a value that an event does not carry; no word holds it
_KIND, _FIELD = "kind", "field-"

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Events:
    """Events in the order in which they enter a core.

    names: the kinds of events. kind: int64 [event], which of the names each is.
    values: int64 [event] by what events carry: 'source' and 'neuron' (addresses), and the fields of the profile's
    kinds; ABSENT where an event carries no such value.

    Raises InputError for arrays that are no stream; what a core allows is checked by `fitted`.
    """

    names: tuple[str, ...]
    kind: Integers
    values: Mapping[str, Integers]

    def __post_init__(self) -> None:
        kind = _column(_KIND, self.kind)
        values = {name: _column(name, column) for name, column in self.values.items()}
        for name, column in values.items():
            if column.shape != kind.shape:
                raise InputError(f"events: {name}: found {len(column)} values; allowed: {len(kind)}, one an event")
        beyond = np.flatnonzero((kind < 0) | (kind >= len(self.names)))
        if beyond.size:
            allowed = f"0 to {len(self.names) - 1}" if self.names else "none, as no kind is named"
            raise InputError(f"event {beyond[0]}: kind: found {kind[beyond[0]]}; allowed: {allowed}")
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "values", values)

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> Events:
        """A stream from one mapping an event: `{"kind": "spike", "source": 3}`. Raises InputError."""
        rows = list(events)
        names: dict[str, int] = {}
        columns: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise InputError(f"event {index}: found {row!r}; allowed: a mapping with a 'kind'")
            kind = row.get(_KIND)
            if not isinstance(kind, str):
                raise InputError(f"event {index}: kind: found {kind!r}; allowed: the name of a kind of event")
            names.setdefault(kind, len(names))
            for name, value in row.items():
                if name != _KIND:
                    column = columns.setdefault(name, [ABSENT] * len(rows))
                    column[index] = _integer(f"event {index}: {name}", value)
        values = {name: np.array(column, np.int64) for name, column in columns.items()}
        return cls(tuple(names), np.array([names[row[_KIND]] for row in rows], np.int64), values)

    def __len__(self) -> int:
        return len(self.kind)

    def fault(self, network: Network) -> tuple[int, str] | None:
        """The first event that the core does not allow, with what is wrong; None if it allows all."""
        return min(_faults(self, network), default=None)

    def fitted(self, network: Network, place: str = "") -> Events:
        """The same events under the profile's kinds, in its order; every value there, 0 where nothing carries it.

        place: what stands before 'event 17' in a message. Raises InputError, naming the first event at fault.
        """
        kinds = network.profile.events
        found = self.fault(network)
        if found is not None:
            raise InputError(f"{place}event {found[0]}: {found[1]}")
        index = np.array([list(kinds).index(name) if name in kinds else -1 for name in self.names], np.int64)
        carried = dict.fromkeys(name for event in kinds.values() for name in (*event.addresses, *event.fields))
        zeros = np.zeros(len(self), np.int64)
        values = {name: self.values.get(name, zeros) for name in carried}
        values = {name: np.where(column == ABSENT, 0, column) for name, column in values.items()}
        return Events(tuple(kinds), index[self.kind] if len(self) else self.kind, values)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` file, whole or not at all. Raises FileError."""
        header = {"schema": SCHEMA, "names": list(self.names)}
        arrays = {_KIND: self.kind, **{f"{_FIELD}{name}": column for name, column in self.values.items()}}
        write_archive(path, "events", header, arrays)


def load_events(path: str | os.PathLike[str]) -> Events:
    """Read what `Events.save` wrote, verified. Raises FileError."""
    header, arrays = read_archive(path, "events", SCHEMA)
    try:
        values = {name.removeprefix(_FIELD): a for name, a in arrays.items() if name.startswith(_FIELD)}
        if len(values) != len(arrays) - 1 or not all(isinstance(name, str) for name in header["names"]):
            raise ValueError("its arrays or names are not those of a stream")
        return Events(tuple(header["names"]), arrays[_KIND], values)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise FileError(f"{os.fspath(path)}: its header is incomplete: {type(error).__name__} {error}") from None


def _column(name: str, values: ArrayLike) -> Integers:
    """One integer an event, read-only."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu") or array.dtype == np.uint64:
        raise InputError(f"events: {name}: found {array.dtype} {array.shape}; allowed: integers [event]")
    column = array.astype(np.int64)
    column.setflags(write=False)
    return column


def _integer(place: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not -(1 << 63) < value < 1 << 63:
        raise InputError(f"{place}: found {value!r}; allowed: an integer of 63 bits")
    return int(value)


def _faults(events: Events, network: Network) -> Iterable[tuple[int, str]]:
    """What the core does not allow: of each kind and value the first event at fault."""
    kinds = network.profile.events
    size = network.populations[0].size
    for number, name in enumerate(events.names):
        chosen = np.flatnonzero(events.kind == number)
        if not chosen.size:
            continue
        if name not in kinds:
            yield int(chosen[0]), f"kind: found {name!r}; allowed: {', '.join(kinds)}{suggest(name, kinds)}"
            continue
        allowed = _allowed(kinds[name], size)
        for value, (low, high) in allowed.items():
            column = events.values[value][chosen] if value in events.values else np.full(chosen.size, ABSENT)
            for at in np.flatnonzero((column < low) | (column > high))[:1]:
                found = "missing" if column[at] == ABSENT else f"found {column[at]}"
                yield int(chosen[at]), f"{value}: {found}; allowed: {low} to {high}"
        for value in events.values.keys() - allowed:
            for at in np.flatnonzero(events.values[value][chosen] != ABSENT)[:1]:
                carried = ", ".join(allowed) or "nothing"
                yield int(chosen[at]), f"{value}: not carried by '{name}', which carries {carried}"


def _allowed(kind: EventKind, size: int) -> dict[str, tuple[int, int]]:
    """The values that an event of this kind carries, with their least and greatest."""
    addresses = dict.fromkeys(kind.addresses, (0, size - 1))
    return addresses | {name: (word.min, word.max) for name, word in kind.fields.items()}
