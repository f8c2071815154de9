"""Every circuit of every profile, shipped or invented, equals the engine in two simulators.

`make test-rtl` sets BITSPIKE_RTL_VECTORS, and runs all of it.
"""

import os

import bitspike as bs
import pytest
from bitspike.exchange.systemverilog import modules, write_circuits
from invented_chips import EVENT, SHARED_EXPONENT, TERNARY, chip
from rtl import assert_passes, assert_silent, needs, simulate, verilate

VECTORS = int(os.environ.get("BITSPIKE_RTL_VECTORS", "0"))
INVENTED = {"invented-ternary": TERNARY, "invented-exponents": SHARED_EXPONENT, "invented-event": EVENT}
NAMES = [*bs.profile_names(), *INVENTED]
VERILATED = NAMES if VECTORS else ["tinyodin", "invented-ternary"]


def profile(name):
    return chip(INVENTED[name]) if name in INVENTED else bs.load_profile(name)


@needs("iverilog")
@pytest.mark.parametrize("name", NAMES)
def test_icarus_finds_no_difference(name, tmp_path):
    """1,000 vectors a module, or all that are asked for together."""
    chosen = profile(name)
    write_circuits(chosen, tmp_path, max(1000, VECTORS // len(modules(chosen, {}))))
    assert_passes(simulate(tmp_path))


@needs("verilator")
@pytest.mark.parametrize("name", VERILATED)
def test_verilator_finds_no_difference_and_warns_of_nothing(name, tmp_path):
    write_circuits(profile(name), tmp_path, max(1000, VECTORS))
    assert_passes(verilate(tmp_path))


@needs("verilator")
@pytest.mark.parametrize("name", NAMES)
def test_verilator_has_nothing_to_say(name, tmp_path):
    write_circuits(profile(name), tmp_path, 1)
    assert_silent(tmp_path)
