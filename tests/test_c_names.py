"""Names that C, C++, a compiler's macros or the state itself take: the program compiles, and equals the engine."""

from __future__ import annotations

import re
import subprocess

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange.c_parts import member
from builders import random_spikes
from c_programs import assert_equal, needs_gcc, random_state
from invented_chips import chip
from rtl import needs
from test_systemverilog import KEYWORDS

REGISTERS = {"reg": "row", "int": "struct", "refused": "linux"}
PARAMETERS = {"wire": "net_state", "while": "uint8_t", "weight_reg": "state"}
LAYERS = ["row", "row_", "int", "sums", "Sums", "linux", "int8_t", "and_eq", "_Bool", "_reset", "n", "table_0"]


def network():
    """A layer for each name, all of one class whose registers and parameters have such names as well."""
    rng, text = np.random.default_rng(0), KEYWORDS
    for old, new in {**REGISTERS, **PARAMETERS}.items():
        text = re.sub(rf"\b{old}\b", new, text)
    values = {"net_state": 5, "uint8_t": 1, "state": -3}
    layers = [bs.Population(name, 3, values) for name in LAYERS]
    links = [
        bs.Projection("input", name, rng.integers(-7, 8, (4, 3, 2)), "endmodule", {"always": 2}) for name in LAYERS
    ]
    links += [bs.Projection("row", "int", rng.integers(-7, 8, (3, 3, 2)), "endmodule", {"always": 1})]
    return bs.Network(chip(text), 4, layers, links)


@needs_gcc
def test_names_that_are_taken_compile_and_equal_the_engine(tmp_path):
    net = network()
    spikes = np.minimum(random_spikes(net, 1), 3)
    assert_equal(net, tmp_path, spikes, random_state(net, np.random.default_rng(2)))


@needs_gcc
@needs("g++")
@pytest.mark.parametrize("compiler", [("gcc",), ("g++", "-x", "c++"), ("gcc", "-std=gnu89")])
def test_the_header_serves_other_languages(compiler, tmp_path):
    bs.export(network(), tmp_path / "net", format="c")
    (tmp_path / "net" / "use.c").write_text('#include "net.h"\nnet_state state;\n')
    built = subprocess.run(
        [*compiler, "-Wall", "-Werror", "-c", "use.c"], cwd=tmp_path / "net", capture_output=True, text=True
    )
    assert (built.returncode, built.stderr) == (0, "")


def test_no_two_names_become_one_member():
    names = [*LAYERS, *(f"{name}_" for name in LAYERS), *(f"{name}__" for name in LAYERS), "membrane"]
    assert len({member(name) for name in set(names)}) == len(set(names))
    assert member("membrane") == "membrane"
