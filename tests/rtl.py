"""Programs that run SystemVerilog, and folders of circuits for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from bitspike.exchange.systemverilog import Module
from bitspike.exchange.systemverilog.bench import bench, bench_name
from bitspike.exchange.systemverilog.vectors import vector_file

PATIENCE = 1000 if os.environ.get("BITSPIKE_RTL_VECTORS") else 100  # seconds that a program may take


def needs(program: str) -> pytest.MarkDecorator:
    """Skip where a program is missing, and say so."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def run(folder: Path, *command: str) -> tuple[int, str]:
    """A program's exit status and all that it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def simulate(folder: Path) -> tuple[int, str]:
    """Compile and run the folder's bench with Icarus."""
    status, text = run(folder, "iverilog", "-g2012", "-Wall", "-o", "bench", *sources(folder))
    return run(folder, "vvp", "bench") if (status, text) == (0, "") else (status, text)


def verilate(folder: Path, warnings: str = "-Wall") -> tuple[int, str]:
    """Compile and run the folder's bench with Verilator."""
    top = top_of(folder)
    command = ("verilator", "--binary", "-O0", warnings, "--top-module", top, *sources(folder))
    status, text = run(folder, *command)
    return run(folder, f"./obj_dir/V{top}") if status == 0 else (status, text)


def sources(folder: Path) -> list[str]:
    """Every module of a folder."""
    return sorted(path.name for path in folder.glob("*.sv"))


def top_of(folder: Path) -> str:
    """The folder's bench."""
    return next(folder.glob("*_tb.sv")).stem


def assert_passes(result: tuple[int, str]) -> None:
    """The bench ran to its end."""
    status, text = result
    assert status == 0, text
    assert "PASS" in text, text


def assert_silent(folder: Path) -> None:
    """Verilator has nothing to say about the modules and the bench."""
    top = top_of(folder)
    command = ("verilator", "--lint-only", "-Wall", "--timing", "--top-module", top, *sources(folder))
    assert run(folder, *command) == (0, "")


def write(folder: Path, prefix: str, modules: Sequence[Module], vectors: int) -> None:
    """Modules that belong to no profile, their vectors and their bench."""
    for module in modules:
        (folder / module.file).write_text(module.text)
        (folder / f"{module.name}.hex").write_text(vector_file(module, vectors, prefix))
    (folder / f"{bench_name(prefix)}.sv").write_text(bench(prefix, modules, vectors))
