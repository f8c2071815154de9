"""C: a network as one header and one C99 file that compute it exactly, without heap or other files."""

from __future__ import annotations

import json
import re
from pathlib import Path as Folder

from ..archive import write_folder
from ..network import Network
from .c_event import EventSource
from .c_measure import CProgram, Input, measured
from .c_parts import Source
from .c_step import StepSource
from .c_timing import NAME
from .format import Format, Path

REPORT = "report.json"


def write_c(network: Network, folder: Path) -> list[str]:
    """Write NAME.h and NAME.c, NAME being the folder's name, and a report of their size, which comes last.

    Returns the files' names. Raises FileError.
    """
    root = Folder(folder)
    source = _source_of(network, _name(root))
    texts = {f"{source.name}.h": source.header(), f"{source.name}.c": source.code()}
    texts[REPORT] = json.dumps(source.report(), indent=1) + "\n"
    write_folder(root, texts)
    return list(texts)


def measure_c(network: Network, spikes: Input | None = None) -> CProgram:
    """Compile the C of a network, for size, and measure it: bytes, and the time of a step where there is input.

    spikes: input as for `run`. What cannot be measured is said, as without a compiler. Raises InputError for input
    that does not fit.
    """
    return measured(_source_of(network, NAME), spikes)


def _source_of(network: Network, name: str) -> Source:
    """Both files of a network, under a prefix for what they define."""
    return (StepSource if network.profile.clock == "step" else EventSource)(network, name)


def _name(root: Folder) -> str:
    """What a folder's name makes of the functions' prefix: an identifier."""
    name = re.sub(r"\W", "_", root.resolve().name, flags=re.ASCII)
    return name if re.match("[A-Za-z]", name) else f"net_{name}"


FORMAT = Format("c", "a folder with one header and one C99 file that run the network", write_c, None, report=measure_c)
