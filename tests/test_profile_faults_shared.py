"""Faults of what a profile shares with others: names that do not exist, and parameters that mean two things or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import refusals

NEURON, DENSE = "shared.neurons.neuron", "shared.connections.dense"
PARAMETERS = "du, dv, vth, bias_mant, bias_exp, ternary, vth_low, reset_interval, reset_phase"
REGISTERS = "arrived, feedback, activation, addend, current, membrane, phase"
CONNECTIONS = "dense, graded, recurrent, convolution, graded_convolution"
LINK = "weight_exp, num_weight_bits, sign_mode"

BAD = [
    ("  neurons:\n    neuron:\n      as:", "  neurons:\n    @nuron:\n      as:",
     "shared.neurons.nuron: found 'nuron'; allowed: neuron. Did you mean 'neuron'?"),
    ("  connections:\n    dense:\n      as:", "  connections:\n    @dens:\n      as:",
     f"shared.connections.dens: found 'dens'; allowed: {CONNECTIONS}. Did you mean 'dense'?"),
    ("membrane: membrane}\n      lif", "membrane: @membran}\n      lif",
     f"{NEURON}.registers.membrane: found 'membran'; allowed: {REGISTERS}. Did you mean 'membrane'?"),
    ("{of: dv}", "{of: dv, shift: @63}",
     f"{NEURON}.quantities.membrane_loss.shift: found 63; allowed: an integer from 0 to 62"),
    ("{of: dv}", "{of: dv, shft: 2}".replace("shft", "@shft"),
     f"{NEURON}.quantities.membrane_loss.shft: unknown key; allowed: of, add, shift, exponent, neutral. Did you mean "
     "'shift'?"),
    ("keeps: {num_weight_bits: 8,", "keeps: {num_weight_bits: @9,",
     f"{DENSE}.keeps.num_weight_bits: found 9; allowed: 1 to 8"),
    ("keeps: {num_weight_bits: 8, sign", "keeps: {num_weight_bits: 8, @mode: 1, sign",
     f"{DENSE}.keeps.mode: found 'mode'; allowed: {LINK}. Did you mean 'sign_mode'?"),
    ("    dense:\n      as: synapses\n", "    @dense:\n", f"{DENSE}: missing key 'as'"),
    ("    dense:\n      as: synapses\n", "    dense:\n      as: @Synapses\n",
     f"{DENSE}.as: found 'Synapses'; allowed: text that matches [a-z][a-z0-9_]*"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_a_bad_shared_name_is_refused_at_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert refusals(tmp_path, "loihi-lava", (old, new)) == [message]


def test_a_quantity_is_made_of_a_parameter_that_exists(tmp_path: Path) -> None:
    assert refusals(tmp_path, "loihi-lava", ("{of: dv}", "{of: @dw}")) == [
        f"{NEURON}.quantities.membrane_loss.of: found 'dw'; allowed: {PARAMETERS}",
    ]


def test_a_parameter_stands_for_one_quantity(tmp_path: Path) -> None:
    assert refusals(tmp_path, "loihi-lava", ("{of: dv}", "{of: @du}")) == [
        f"{NEURON}.quantities.membrane_loss.of: found 'du' again; allowed: a parameter that stands for nothing else",
    ]


def test_a_kept_parameter_is_no_exponent(tmp_path: Path) -> None:
    edits = [("weight: {shift: 6, exponent: weight_exp}", "weight: {shift: 6, exponent: @weight_exp}"),
             ("keeps: {num_weight_bits", "keeps: {weight_exp: 0, num_weight_bits")]  # fmt: skip
    assert refusals(tmp_path, "loihi-lava", *edits) == [
        f"{DENSE}.weight.exponent: found 'weight_exp' again; allowed: a parameter that stands for nothing else"
    ]


def test_every_bad_shared_name_is_found_in_one_round(tmp_path: Path) -> None:
    edits = [
        ("registers: {current: current,", "registers: {current: @curent,"),
        ("keeps: {num_weight_bits: 8,", "keeps: {num_weight_bits: @0,"),
        ("    recurrent:\n      as:", "    @recurent:\n      as:"),
    ]
    assert [message.split(":")[0] for message in refusals(tmp_path, "loihi-lava", *edits)] == [
        f"{NEURON}.registers.current",
        f"{DENSE}.keeps.num_weight_bits",
        "shared.connections.recurent",
    ]
