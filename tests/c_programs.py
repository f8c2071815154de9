"""Programs made of exported C: every array of the state after each step, compared with the engine."""

from __future__ import annotations

import json
import shutil
import subprocess

import bitspike as bs
import numpy as np
import pytest
from bitspike.profile.schema import storage

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
FLAGS = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsanitize=undefined", "-fno-sanitize-recover")


def harness(report):
    """A program: a state on stdin, then inputs; every array of the state on stdout after each step."""
    arrays = [f"state.{each['member']}" for each in report["state"]]
    read = "".join(f"    if (fread({a}, sizeof {a}, 1, stdin) != 1) return 9;\n" for a in arrays)
    write = "".join(f"        fwrite({a}, sizeof {a}, 1, stdout);\n" for a in arrays)
    dtype, (_, inputs) = report["state"][0]["dtype"], report["state"][0]["shape"]
    return f"""#include <stdio.h>
#include "net.h"
static net_state state;
int main(void) {{
    static {dtype}_t input[{inputs}];
    net_reset(&state);
{read}    while (fread(input, sizeof input, 1, stdin) == 1) {{
        const int status = net_step(&state, input);
        if (status) return 10 + status;
{write}    }}
    return 0;
}}
"""


def compiled(network, folder):
    folder = folder / "net"
    bs.export(network, folder, format="c")
    report = json.loads((folder / "report.json").read_text())
    (folder / "main.c").write_text(harness(report))
    built = subprocess.run(["gcc", *FLAGS, "-o", "run", "net.c", "main.c"], cwd=folder, capture_output=True, text=True)
    assert (built.returncode, built.stderr) == (0, "")
    return folder / "run", report


def random_state(network, rng):
    """Every register anywhere in its word, no spike on its way."""
    state = bs.initial_state(network)
    for population in network.populations:
        neuron = network.neuron_class(population)
        for register in neuron.registers:
            word = storage(neuron, register)
            values = rng.integers(word.min, word.max, (1, population.size), endpoint=True)
            state[population.name][register][...] = values
    return state


def assert_equal(network, folder, spikes, state=None):
    """C against the engine, a sample at a time; where the engine refuses, C does."""
    program, report = compiled(network, folder)
    for sample in spikes:
        rows = np.ascontiguousarray(sample, report["state"][0]["dtype"])
        given = b""
        for each in report["state"]:
            known = each["name"] != "spikes" and state is not None
            values = state[each["population"]][each["name"]][0] if known else np.zeros(each["shape"])
            given += np.ascontiguousarray(values, each["dtype"]).tobytes()
        run = subprocess.run([program], input=given + rows.tobytes(), capture_output=True, check=False)
        try:
            trace = bs.run(network, sample, record="all", state=state, engine="oracle")
        except bs.OverflowRefusedError:
            assert run.returncode == 11
            continue
        assert (run.returncode, run.stderr) == (0, b"")
        at = 0
        for step in range(len(rows)):
            for each in report["state"]:
                size = int(np.prod(each["shape"])) * np.dtype(each["dtype"]).itemsize
                found = np.frombuffer(run.stdout[at : at + size], each["dtype"]).reshape(each["shape"])
                at += size
                if each["population"] == "input":
                    continue
                layer = trace[each["population"]]
                if each["name"] == "spikes":
                    found, wanted = found[(step + 1) % len(found)], layer.spikes[0, step]
                else:
                    wanted = layer.registers[each["name"]][0, step]
                np.testing.assert_array_equal(found, wanted, f"step {step}, {each['member']}")
        assert at == len(run.stdout)
