"""What a folder of circuits holds: vectors that reach every end, a bench that fails, names that no keyword takes."""

import json
import re

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange.systemverilog import area_of, modules, write_circuits
from bitspike.exchange.systemverilog.vectors import drawn, expected
from bitspike.ops.base import Registers
from bitspike.ops.integer import IntegerOps
from bitspike.ops.operators import RefusedWriteError
from builders import edited, generic
from rtl import assert_passes, assert_silent, needs, run, simulate

GENERIC = "generic-w8-v16"


def module_of(profile, name):
    return next(module for module in modules(profile, {}) if module.unit.name == name)


def by_oracle(unit, case):
    """What the integer oracle makes of one vector; None where a write is refused."""
    values = {**unit.constants, **case, **dict.fromkeys(unit.zeros, 0)}
    regs = Registers(IntegerOps(), unit.words, values)
    try:
        for _, part in unit.run:
            part(regs)
    except RefusedWriteError:
        return None
    return {name: int(regs.values[name]) for name in unit.results}


@pytest.mark.parametrize("name", bs.profile_names())
def test_vectors_are_what_the_oracle_computes(name):
    for module in modules(bs.load_profile(name), {}):
        cases = drawn(module.unit.inputs, 40, "oracle")
        results, refused = expected(module.unit, cases)
        for at in range(40):
            found = None if refused[at] else {key: int(values[at]) for key, values in results.items()}
            assert found == by_oracle(module.unit, {key: int(values[at]) for key, values in cases.items()}), module.name


@pytest.mark.parametrize("name", bs.profile_names())
def test_vectors_reach_both_ends_of_every_word_and_pass_and_refuse(name):
    for module in modules(bs.load_profile(name), {}):
        cases = drawn(module.unit.inputs, 1000, "ends")
        for key, word in module.unit.inputs.items():
            assert (cases[key].min(), cases[key].max()) == (word.min, word.max), (module.name, key)
        refused = expected(module.unit, cases)[1]
        assert (~refused).sum() > 100, module.name
        assert refused.any() <= module.refuses, module.name


@needs("iverilog")
@pytest.mark.parametrize(
    ("module", "operator", "other", "register"),
    [
        ("neuron_step", " >>> ", " <<< ", "membrane"),
        ("neuron_step", " >= ", " > ", "membrane"),
        ("neuron_step", ") + ", ") - ", "membrane"),
        ("forward_deliver", ") + ", ") - ", "accumulator"),
        ("forward_deliver", " > ", " >= ", None),
        ("forward_deliver", "16'sh8000", "16'sh8001", "accumulator"),
    ],
)
def test_a_bench_fails_at_the_first_difference(module, operator, other, register, tmp_path):
    """Another operator in one place; at a bound that is kept, >= is no difference."""
    write_circuits(bs.load_profile(GENERIC), tmp_path)
    path = tmp_path / f"generic_w8_v16_{module}.sv"
    text = path.read_text()
    assert operator in text
    path.write_text(text.replace(operator, other, 1))
    status, output = simulate(tmp_path)
    if register is None:
        assert_passes((status, output))
        return
    assert status != 0
    assert re.search(rf"_{module}, vector \d+: {register}: found -?\d+, expected -?\d+", output), output
    assert "PASS" not in output


@needs("iverilog")
def test_a_bench_without_its_vectors_fails(tmp_path):
    write_circuits(bs.load_profile(GENERIC), tmp_path, 3)
    path = tmp_path / "generic_w8_v16_recurrent_deliver.hex"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert "recurrent_deliver.hex: vector 2 is missing" in simulate(tmp_path)[1]
    path.unlink()
    status, text = simulate(tmp_path)
    assert status != 0
    assert "PASS" not in text


KEYWORDS = """
schema: 1
name: 2-logic
title: Names that SystemVerilog and C take for something else
source: {kind: synthetic, name: bitspike, version: "1", note: Invented for a test.}
clock: step
neurons:
  module:
    registers: {reg: s8.saturate, int: s8.wrap, refused: u4.saturate}
    parameters: {wire: s8, while: u3, weight_reg: s4}
    step:
      - add: {into: refused, terms: [1]}
      - decay: {into: int, of: reg, kind: shift, by: while, rounding: zero, least: 0, result: minus_amount}
      - add: {into: reg, terms: [int, weight_reg]}
      - fire:
          branches:
            - when: [[reg, ">", wire], [refused, "<", 9]]
              emit: 1
              repeat: 3
              do: [{add: {into: reg, terms: [-wire]}}, {set: {into: int, value: reg}}]
connections:
  endmodule:
    from: [input, module]
    to: module
    into: [reg, int]
    timing: next_step
    order: ascending
    fit_per: source
    cap: 1
    weight: {word: s4, narrow: true, format: [{shift: {into: weight, by: always, word: s8.wrap}}]}
    parameters: {always: u2}
input: u2
limits: {}
quirks: {}
"""


@needs("iverilog")
@needs("verilator")
def test_names_that_are_keywords_are_handled(tmp_path):
    (tmp_path / "chip.yaml").write_text(KEYWORDS)
    write_circuits(bs.load_profile(tmp_path / "chip.yaml"), tmp_path)
    assert_passes(simulate(tmp_path))
    assert_silent(tmp_path)


@needs("yosys")
@needs("iverilog")
def test_gates_that_yosys_makes_equal_the_engine(tmp_path):
    write_circuits(bs.load_profile(GENERIC), tmp_path)
    top = "generic_w8_v16_neuron_step"
    script = f"read_verilog -sv {top}.sv; synth -flatten -top {top}; write_verilog -noattr {top}.sv"
    assert run(tmp_path, "yosys", "-q", "-p", script)[0] == 0
    assert "always_comb" not in (tmp_path / f"{top}.sv").read_text()
    assert_passes(simulate(tmp_path))


@needs("yosys")
def test_a_wider_accumulator_takes_more_cells():
    def cells(word):
        profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", word))
        return area_of(module_of(profile, "forward_deliver")).cells

    assert 0 < cells("s12.wrap") < cells("s24.wrap")
    assert cells("s16.wrap") < cells("s16.saturate")


def test_a_report_names_every_module(tmp_path):
    files = write_circuits(bs.load_profile("tinyodin"), tmp_path, 5)
    report = json.loads((tmp_path / "report.json").read_text())
    assert [entry["module"] for entry in report["modules"]] == [
        f"tinyodin_{kind}_event" for kind in ("spike", "reference", "reference_one", "virtual")
    ]
    spike = report["modules"][0]
    assert spike["inputs"]["membrane_i"] == "s12.saturate"
    assert spike["widest_bits"] == 13
    assert sorted(files) == sorted(path.name for path in tmp_path.iterdir())
    assert len((tmp_path / "tinyodin_spike_event.hex").read_text().splitlines()) == 5


def test_a_network_comes_with_its_memory_images(tmp_path):
    network = generic()
    files = bs.export(network, tmp_path, format="systemverilog", vectors=3)
    assert bs.read_images(tmp_path / "memory") == network
    assert {"generic_w8_v16_neuron_step.sv", "memory/manifest.json"} <= set(files)


@pytest.mark.parametrize("vectors", [0, -1, 10**8])
def test_a_number_of_vectors_that_is_none_is_refused(vectors, tmp_path):
    with pytest.raises(bs.InputError, match=f"vectors: found {vectors}; allowed: 1 to 10,000,000"):
        bs.export(generic(), tmp_path / "out", format="systemverilog", vectors=vectors)
    assert not (tmp_path / "out").exists()


def test_a_sum_holds_as_many_sources_as_the_network_has():
    lava = bs.load_profile("loihi-lava")
    narrow, wide = (
        next(m for m in modules(lava, {"recurrent": n}) if m.unit.name == "recurrent_accumulate") for n in (1, 1 << 20)
    )
    assert wide.unit.inputs["sum"].bits - narrow.unit.inputs["sum"].bits == 20


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(bs.FileError, match="cannot be written"):
        write_circuits(bs.load_profile(GENERIC), tmp_path / "file")


def test_exports_are_the_same_every_time(tmp_path):
    for folder in ("a", "b"):
        write_circuits(bs.load_profile("ranc"), tmp_path / folder, 20)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_refused_vectors_count_nothing_else():
    """A vector that is refused has 0 for every other output, and the flag set."""
    module = module_of(bs.load_profile("speck-sinabs"), "neuron_step")
    refused = expected(module.unit, drawn(module.unit.inputs, 1000, "refused"))[1]
    assert 10 < np.count_nonzero(refused) < 990
