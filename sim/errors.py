"""Every error that a user can mend. `str(error)` is one line a fault and names the place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def suggest(found: Any, names: Iterable[str]) -> str:
    """`. Did you mean 'x'?`, where a name is near; else nothing."""
    near = get_close_matches(found, list(names), n=1) if isinstance(found, str) else []
    return f". Did you mean '{near[0]}'?" if near else ""


class BitspikeError(Exception):
    """Base of every error that bitspike raises on purpose; the command line exits with status 2."""


class DocumentError(BitspikeError):
    """A YAML document (profile or recipe) with faults, all of them, each `file:line:column: ...`."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class NetworkError(BitspikeError):
    """A network that its profile cannot hold; one line a fault: layer, index, value, allowed range."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class InputError(BitspikeError):
    """Spikes, state or options that do not fit the network they were given to."""


class FileError(BitspikeError):
    """A file that is missing, damaged, hostile, of another version, or cannot be written."""


class OverflowRefusedError(BitspikeError):
    """A register whose overflow the profile refuses, because its source has no rule, overflowed."""


class DivergedError(BitspikeError):
    """A training whose gradients are no longer finite; `trained` is the best network before."""

    trained: Any = None


class ProcessError(BitspikeError):
    """Another process of a training, which this one waits for, has ended."""


class MismatchError(BitspikeError):
    """Two traces that were expected to be equal differ; the message names the first difference."""
