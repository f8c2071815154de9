"""Stages as C, under the strictest flags: random ones, and every one at the ends of words, equal the oracle."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from bitspike.datapath import Add, Set
from bitspike.exchange.c_parts import lines_of, value_of
from bitspike.ops.c import COps
from bitspike.ops.interval import Interval
from bitspike.ops.source import SourceRegisters
from bitspike.word import Overflow, Word
from c_programs import FLAGS, needs_gcc
from hypothesis import given, settings
from interpreter_families import boundary_experiments
from interpreters import Experiment, by_integer, cases_of, part
from random_stages import experiments

WIDTHS, APART, MOST = (8, 31, 32, 33, 40, 63), 5, 60
MAIN = """
int main(void) {
    static int64_t in[WIDEST], out[WIDEST];
    int at;
%s    return 0;
}
"""
RUN = """    for (at = 0; at < %d; at++) {
        if (fread(in, sizeof *in, %d, stdin) != %d) return 9;
        out[%d] = stage_%d(in, out);
        fwrite(out, sizeof *out, %d, stdout);
    }
"""


def function(number, experiment):
    """A stage as a function: every operand in, every register that it may write out; returns whether it refused."""
    ops = COps(experiment.held)
    values = {name: ops.given(name, f"in[{at}]", span) for at, (name, span) in enumerate(experiment.ranges.items())}
    regs = SourceRegisters(ops, experiment.registers, values)
    experiment.stage.run(regs)
    stores = [f"out[{at}] = {value_of(ops, regs[name])};" for at, name in enumerate(experiment.written)]
    body = "".join(f"    {line}\n" for line in lines_of(ops, stores))
    opened = f"static int stage_{number}(const int64_t *in, int64_t *out) {{\n    int refused = 0;\n    (void)in;\n"
    return f"{opened}{body}    return refused;\n}}\n"


def program(pairs):
    """Every stage over its cases, on stdout what it wrote, and whether it refused."""
    runs, widest = "", 0
    for number, (experiment, cases) in enumerate(pairs):
        read, written, count = len(experiment.ranges), len(experiment.written), len(next(iter(cases.values())))
        runs += RUN % (count, read, read, written, number, written + 1)
        widest = max(widest, read, written + 1)
    functions = "".join(function(number, experiment) for number, (experiment, _) in enumerate(pairs))
    return f"#include <stdint.h>\n#include <stdio.h>\n#define WIDEST {widest}\n{functions}{MAIN % runs}"


def assert_equal_to_the_oracle(pairs, folder):
    """One program of all stages: they take one compilation."""
    (folder / "main.c").write_text(program(pairs))
    built = subprocess.run(["gcc", *FLAGS, "-o", "run", "main.c"], cwd=folder, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    tables = (np.column_stack([cases[name] for name in experiment.ranges]) for experiment, cases in pairs)
    bits = b"".join(table.astype(np.int64).tobytes() for table in tables)
    ran = subprocess.run([folder / "run"], input=bits, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    found, at = np.frombuffer(ran.stdout, np.int64), 0
    for experiment, cases in pairs:
        written = len(experiment.written)
        wanted = np.array(by_integer(experiment, cases), np.int64)
        table = found[at : at + len(wanted) * (written + 1)].reshape(len(wanted), written + 1)
        at += table.size
        refused = wanted[:, -1] == 1
        np.testing.assert_array_equal(table[:, -1] == 1, refused, str(experiment))
        np.testing.assert_array_equal(table[~refused, :written], wanted[~refused, :written], str(experiment))
    assert at == len(found)


@needs_gcc
def test_operands_that_need_more_bits_than_the_result_stay_within_their_type(tmp_path):
    """2**31 has no place in 32 bits, and -2**31 has."""
    low, word = Interval(-(1 << 16), 0), Word(32, True, Overflow.SATURATE)
    negated = Experiment(Set(into="m", value="-a*b"), {"m": word}, {"a": low, "b": Interval(-(1 << 15), 0)})
    ends = cases_of({"m": [0], "a": [-(1 << 16), 0], "b": [-(1 << 15), 0]})
    below = {"m": replace(word, low=word.min, high=-1)}
    added = Experiment(Add(into="m", terms=("a",)), below, {"a": Interval(0, 1 << 31)})
    more = cases_of({"m": [word.min, -1], "a": [0, 1 << 31]})
    assert_equal_to_the_oracle([(negated, ends), (added, more)], tmp_path)


@needs_gcc
def test_random_stages_equal_the_oracle(tmp_path):
    pairs = []

    @settings(max_examples=25, deadline=None)
    @given(experiments())
    def keep(pair):
        pairs.append(pair)

    keep()
    assert_equal_to_the_oracle(pairs, tmp_path)


@needs_gcc
@pytest.mark.parametrize("overflow", Overflow)
def test_every_stage_equals_the_oracle_at_the_ends_of_wide_words(overflow, tmp_path):
    """Every fifth of the experiments at widths on both sides of C's types, each at some of its cases."""
    rng, pairs = np.random.default_rng(0), []
    for number, bits in enumerate(WIDTHS):
        for experiment, cases in islice(boundary_experiments(bits, overflow), number % APART, None, APART):
            count = len(next(iter(cases.values())))
            pairs.append((experiment, part(cases, rng.permutation(count)[:MOST])))
    assert len(pairs) > 100
    assert_equal_to_the_oracle(pairs, tmp_path)
