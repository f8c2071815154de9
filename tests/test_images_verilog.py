"""Icarus Verilog loads the images with `$readmemh` and `$readmemb`, without a warning, to the last word."""

from __future__ import annotations

import shutil
import subprocess

import bitspike as bs
import pytest
from test_layout import small_core
from test_readmemh import core_network

pytestmark = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog (iverilog) is not installed")

BENCH = """\
module bench;
  reg [{bits}-1:0] memory [0:{words}-1];
  integer word;
  initial begin
    $readmem{radix}("{path}", memory);
    for (word = 0; word < {words}; word = word + 1) $display("%{radix}", memory[word]);
  end
endmodule
"""


def odin_core():
    parameters = {"threshold": [9, 200, 255], "leak": 3, "leak_enable": [0, 1, 1], "disabled": [0, 0, 1]}
    synapses = {"sign": [1, 0, 1], "mapped": 1}
    links = [bs.Projection("core", "core", [[0, 7, 3]] * 3, parameters=synapses)]
    return bs.Network(bs.load_profile("odin"), 3, [bs.Population("core", 3, parameters)], links)


@pytest.mark.parametrize(
    ("make", "layout", "file", "radix", "bits"),
    [
        (small_core, "tinyodin", "synapses.mem", "h", 32),
        (small_core, "tinyodin", "neurons.mem", "h", 32),
        (odin_core, "odin", "synapses.mem", "h", 32),
        (odin_core, "odin", "neurons.mem", "h", 128),
        (odin_core, "odin", "signs.mem", "h", 16),
        (core_network, "ranc", "csram.mem", "b", 107),
        (core_network, "ranc", "axon_types.mem", "b", 2),
    ],
)
def test_a_simulator_loads_an_image(tmp_path, make, layout, file, radix, bits):
    bs.export(make(), tmp_path, "readmemh", layout=layout)
    lines = (tmp_path / file).read_text().splitlines()
    bench = BENCH.format(bits=bits, words=len(lines), radix=radix, path=tmp_path / file)
    (tmp_path / "bench.v").write_text(bench)
    subprocess.run(["iverilog", "-Wall", "-o", "bench", "bench.v"], cwd=tmp_path, check=True)
    ran = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == lines
