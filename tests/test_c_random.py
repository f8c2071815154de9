"""Random stages over random words as C, under the strictest flags: each equals the oracle, refused writes included."""

from __future__ import annotations

import subprocess

import numpy as np
from bitspike.exchange.c_parts import lines_of, value_of
from bitspike.ops.c import COps
from bitspike.ops.source import SourceRegisters
from c_programs import FLAGS, needs_gcc
from hypothesis import given, settings
from interpreters import by_integer
from random_stages import CASES, experiments

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


def program(chosen):
    """Every stage over its cases, on stdout what it wrote, and whether it refused."""
    runs, widest = "", 0
    for number, experiment in enumerate(chosen):
        read, written = len(experiment.ranges), len(experiment.written)
        runs += RUN % (CASES, read, read, written, number, written + 1)
        widest = max(widest, read, written + 1)
    functions = "".join(function(number, experiment) for number, experiment in enumerate(chosen))
    return f"#include <stdint.h>\n#include <stdio.h>\n#define WIDEST {widest}\n{functions}{MAIN % runs}"


def drawn(count):
    """So many stages, each with its cases: one program of all of them takes one compilation."""
    pairs = []

    @settings(max_examples=count, deadline=None)
    @given(experiments())
    def keep(pair):
        pairs.append(pair)

    keep()
    return pairs


@needs_gcc
def test_random_stages_equal_the_oracle(tmp_path):
    pairs = drawn(30)
    columns = (np.column_stack([cases[name] for name in experiment.ranges]) for experiment, cases in pairs)
    (tmp_path / "main.c").write_text(program([experiment for experiment, _ in pairs]))
    built = subprocess.run(["gcc", *FLAGS, "-o", "run", "main.c"], cwd=tmp_path, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    bits = b"".join(table.astype(np.int64).tobytes() for table in columns)
    ran = subprocess.run([tmp_path / "run"], input=bits, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    found, at, refusals = np.frombuffer(ran.stdout, np.int64), 0, 0
    for experiment, cases in pairs:
        written = len(experiment.written)
        table = found[at : at + CASES * (written + 1)].reshape(CASES, written + 1)
        at += table.size
        wanted = np.array(by_integer(experiment, cases), np.int64)
        refused = wanted[:, -1] == 1
        refusals += np.count_nonzero(refused)
        np.testing.assert_array_equal(table[:, -1] == 1, refused, str(experiment))
        np.testing.assert_array_equal(table[~refused, :written], wanted[~refused, :written], str(experiment))
    assert at == len(found)
    assert 0 < refusals < len(pairs) * CASES // 2
