"""The area of circuits: the cells that Yosys makes of each."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import InputError
from .module import Module

_COUNT = "tee -o area.json stat -json -tech cmos"


@dataclass(frozen=True)
class Area:
    """Gates of Yosys' generic library, and its estimate of CMOS transistors."""

    cells: int
    transistors: int


def area_of(module: Module) -> Area:
    """What `synth` makes of a module alone. Raises InputError where Yosys is missing or fails."""
    yosys = shutil.which("yosys")
    if yosys is None:
        raise InputError("yosys: found no such program; allowed: Yosys 0.23 or newer on the PATH")
    with TemporaryDirectory() as folder:
        (Path(folder) / module.file).write_text(module.text)
        script = f"read_verilog -sv {module.file}; synth -flatten -top {module.name}; {_COUNT}"
        run = subprocess.run([yosys, "-q", "-p", script], cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode:
            raise InputError(f"yosys: {module.name}: {(run.stderr or run.stdout).strip().splitlines()[-1]}")
        found = json.loads((Path(folder) / "area.json").read_text())["design"]
    return Area(int(found["num_cells"]), int(str(found["estimated_num_transistors"]).rstrip("+")))
