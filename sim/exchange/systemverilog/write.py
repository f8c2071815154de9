"""Writes a profile's circuits: a module a file, vectors for each, the bench that replays them, and a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...archive import write_folder
from ...errors import InputError
from ...network import Network
from ...profile.schema import Profile
from ..format import Format, Option, Path
from ..readmemh import image_texts
from .bench import bench, bench_name
from .module import Module, modules, prefix_of
from .vectors import MOST_VECTORS, vector_file

VECTORS = 1000  # of each module, unless told otherwise
REPORT = "report.json"


def write_circuits(
    profile: Profile, folder: Path, vectors: int = VECTORS, fan_in: Mapping[str, int] | None = None
) -> list[str]:
    """Write every circuit of a profile, the report last: a folder with a report is whole.

    vectors: for each module. fan_in: by connection, how many sources a sum of a step must hold; absent: the profile's
    limit, or `units.FAN_IN`. Returns the files' names. Raises FileError, InputError.
    """
    texts = _texts(profile, vectors, fan_in or {})
    write_folder(folder, texts)
    return list(texts)


def _texts(profile: Profile, vectors: int, fan_in: Mapping[str, int]) -> dict[str, str]:
    """Every file by name."""
    if not 1 <= vectors <= MOST_VECTORS:
        raise InputError(f"vectors: found {vectors}; allowed: 1 to {MOST_VECTORS:,}")
    prefix, made = prefix_of(profile), modules(profile, fan_in)
    texts = {module.file: module.text for module in made}
    texts |= {f"{module.name}.hex": vector_file(module, vectors, profile.digest) for module in made}
    texts[f"{bench_name(prefix)}.sv"] = bench(prefix, made, vectors)
    return texts | {REPORT: json.dumps(report(profile, made), indent=1) + "\n"}


def report(profile: Profile, made: Sequence[Module]) -> dict[str, Any]:
    """What was made, as JSON: each module's purpose, ports, and the bits of its widest value."""
    return {
        "format": "bitspike-systemverilog",
        "profile": profile.name,
        "digest": profile.digest,
        "modules": [
            {
                "module": module.name,
                "purpose": module.unit.title,
                "inputs": {port.name: str(port.word) for port in module.inputs},
                "outputs": {port.name: str(port.word) for port in module.outputs},
                "refuses": module.refuses,
                "widest_bits": module.widest,
            }
            for module in made
        ],
    }


def _write_network(network: Network, folder: Path, vectors: int = VECTORS) -> list[str]:
    """The circuits of a network's profile, sized for it, and its memory images in a folder beside them."""
    fan_in: dict[str, int] = {}
    for projection in network.projections:
        via = str(projection.via)
        fan_in[via] = max(fan_in.get(via, 1), network.size(projection.source))
    memory = {f"memory/{name}": text for name, text in image_texts(network).items()}
    texts = memory | _texts(network.profile, vectors, fan_in)
    write_folder(folder, texts)
    return list(texts)


FORMAT = Format(
    "systemverilog",
    "a folder of modules of the profile's datapath with a test bench, and of memory images",
    _write_network,
    None,
    (Option("vectors", f"how many vectors test each module, {VECTORS:,} if not given", int),),
)
