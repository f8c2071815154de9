"""Writes a profile's circuits: a module a file, vectors for each, the bench that replays them, and a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as Folder
from typing import Any

from ...archive import write_text
from ...errors import FileError, InputError
from ...network import Network
from ...profile.schema import Profile
from ..format import Format, Option, Path
from ..readmemh import write_images
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
    if not 1 <= vectors <= MOST_VECTORS:
        raise InputError(f"vectors: found {vectors}; allowed: 1 to {MOST_VECTORS:,}")
    root, prefix, made = Folder(folder), prefix_of(profile), modules(profile, fan_in or {})
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / REPORT).unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"{root}: cannot be written: {error.strerror}") from None
    texts = {module.file: module.text for module in made}
    texts |= {f"{module.name}.hex": vector_file(module, vectors, profile.digest) for module in made}
    texts[f"{bench_name(prefix)}.sv"] = bench(prefix, made, vectors)
    texts[REPORT] = json.dumps(report(profile, made), indent=1) + "\n"
    for name, text in texts.items():
        write_text(root / name, text)
    return list(texts)


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
    files = write_circuits(network.profile, folder, vectors, fan_in)
    return [*files, *(f"memory/{name}" for name in write_images(network, Folder(folder) / "memory"))]


FORMAT = Format(
    "systemverilog",
    "a folder of modules of the profile's datapath with a test bench, and of memory images",
    _write_network,
    None,
    (Option("vectors", f"how many vectors test each module, {VECTORS:,} if not given", int),),
)
