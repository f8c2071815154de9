"""A network as C equals the engine: every register and spike of every step, from full-range random states."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from builders import generic, random_generic, random_spikes, random_xylo
from c_programs import assert_equal, needs_gcc, random_state
from invented_chips import random_exponents, random_graded, random_ternary


@needs_gcc
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [random_ternary, random_exponents])
def test_invented_chips_equal_the_engine(make, seed, tmp_path):
    network = make(seed)
    assert_equal(network, tmp_path, random_graded(network, seed))
    state = random_state(network, np.random.default_rng(seed))
    assert_equal(network, tmp_path, random_graded(network, seed + 50), state)


@needs_gcc
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [random_xylo, random_generic, lambda seed: random_generic(seed, "refuse")])
def test_shipped_chips_equal_the_engine(make, seed, tmp_path):
    network = make(seed)
    assert_equal(network, tmp_path, random_spikes(network, seed))
    assert_equal(network, tmp_path, random_spikes(network, seed), random_state(network, np.random.default_rng(seed)))


def test_a_report_counts_bytes_and_tables_are_narrow(tmp_path):
    bs.export(generic(), tmp_path / "2 nets", format="c")
    text = (tmp_path / "2 nets" / "net_2_nets.c").read_text()
    report = json.loads((tmp_path / "2 nets" / "report.json").read_text())
    assert "static const int8_t table_0[4]" in text
    assert report["constant_bytes"] == 4
