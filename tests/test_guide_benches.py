"""`hwconfigs/BENCHES.md` is true: its benches run in Icarus Verilog, one of them under cocotb, and end as shown."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import HWCONFIGS, bitspike
from guide import FENCE

GUIDE = HWCONFIGS / "BENCHES.md"
TEXT = GUIDE.read_text(encoding="utf-8")
ICARUS = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is not installed")
COCOTB = pytest.mark.skipif(importlib.util.find_spec("cocotb") is None, reason="cocotb is not installed")


def blocks(*titles):
    """Language, name and text of the fenced blocks of these sections."""
    for title in titles:
        (section,) = (part for part in TEXT.split("\n## ") if part.startswith(f"{title}\n"))
        yield from ((language, info.strip(), text) for language, info, text in FENCE.findall(section))


def run(capsys, folder, line):
    """What a command prints: bitspike in this process, others as a shell would find them in this environment."""
    command = shlex.split(line)
    if command[0] == "bitspike":
        ran = bitspike(capsys, *command[1:])
        assert (ran.status in (0, 1), ran.err) == (True, "")
        return ran.out
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COCOTB"))}
    ran = subprocess.run(line, shell=True, cwd=folder, env={**own, "PATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def follow(capsys, folder, *titles):
    """Do what these sections say; returns how many outputs were compared."""
    printed, shown = "", 0
    for language, name, text in blocks(*titles):
        if language == "output":
            assert printed.strip() == text.strip()
            shown += 1
        elif name:
            (folder / name).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, GUIDE, "exec"), {})
        else:
            printed = [run(capsys, folder, line) for line in text.splitlines()][-1]
    return shown


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@ICARUS
def test_a_bench_of_verilog_alone_is_verified_and_a_wrong_design_found_out(capsys, tmp_path):
    assert follow(capsys, tmp_path, "Vectors", "The design", "With Verilog alone") == 2


@ICARUS
@COCOTB
def test_a_bench_under_cocotb_is_verified(capsys, tmp_path):
    (tmp_path / "dump").mkdir()
    assert follow(capsys, tmp_path, "Vectors", "The design", "With cocotb") == 1


@ICARUS
@pytest.mark.parametrize("suffix", ["hex", "bin"])
def test_registers_that_were_never_reset_are_unknown(capsys, tmp_path, suffix):
    follow(capsys, tmp_path, "Vectors", "The design")
    (bench,) = (text for _, name, text in blocks("With Verilog alone") if name == "bench.v")
    bench = bench.replace("reset = 1;", "reset = 0;").replace('.hex", "w"', f'.{suffix}", "w"')
    bench = bench if suffix == "hex" else bench.replace('"%h"', '"%b"')
    (tmp_path / "bench.v").write_text(bench)
    for line in ("mkdir dump", "iverilog -g2005 -o bench bench.v lif.v", "vvp -n bench"):
        run(capsys, tmp_path, line)
    printed = run(capsys, tmp_path, "bitspike verify vectors dump")
    assert printed.startswith("dump: first difference at step 0, layer a, neuron 0, register membrane, sample 0\n")
    assert f"unknown ({'x' * 16})" in printed


def test_the_picture_is_drawn(capsys, tmp_path):
    follow(capsys, tmp_path, "Vectors", "A picture")
    assert "$timescale 1 ms $end" in (tmp_path / "a.vcd").read_text()
