"""Programs made of exported C: every array of the state after each step, compared with the engine."""

from __future__ import annotations

import json
import shutil
import subprocess

import bitspike as bs
import numpy as np
import pytest
from bitspike.events import ABSENT
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


def event_harness(report, carried, queued):
    """A program: a state on stdin, then events (kind, source, neuron, fields).

    On stdout after each: how many spikes left, these, how many were dropped, every array of the state.
    """
    arrays = [f"state.{each['member']}" for each in report["state"]]
    read = "".join(f"    if (fread({a}, sizeof {a}, 1, stdin) != 1) return 9;\n" for a in arrays)
    write = "".join(f"        fwrite({a}, sizeof {a}, 1, stdout);\n" for a in arrays)
    fields = "".join(f"        event.{name} = row[{at + 1}];\n" for at, name in enumerate(carried))
    follow = (
        """        while (left >= 0 && state.waiting) {
            if (net_event(&state, &event, spikes) != net_busy) return 8;
            left = net_follow(&state, spikes + sent);
            if (left > 0) sent += left;
        }
        if (left == net_never_idle) fprintf(stderr, "%u queued events\\n", (unsigned)state.followed);
        dropped = (int32_t)state.dropped;
"""
        if queued
        else ""
    )
    return f"""#include <stdio.h>
#include "net.h"
static net_state state;
static int32_t spikes[1 << 20];
int main(void) {{
    static int64_t row[{len(carried) + 1}];
    net_reset(&state);
{read}    while (fread(row, sizeof row, 1, stdin) == 1) {{
        net_input event = {{0}};
        int32_t left, sent = 0, dropped = 0;
        event.kind = row[0];
{fields}        left = net_event(&state, &event, spikes);
        if (left > 0) sent = left;
{follow}        if (left < 0) return 10 - left;
        fwrite(&sent, sizeof sent, 1, stdout);
        fwrite(spikes, sizeof *spikes, sent, stdout);
        fwrite(&dropped, sizeof dropped, 1, stdout);
{write}    }}
    return 0;
}}
"""


def compiled(network, folder):
    folder = folder / "net"
    bs.export(network, folder, format="c")
    report = json.loads((folder / "report.json").read_text())
    main = (
        harness(report)
        if network.profile.clock == "step"
        else event_harness(report, _members(network), "net_follow" in (folder / "net.h").read_text())
    )
    (folder / "main.c").write_text(main)
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


def _members(network):
    fields = dict.fromkeys(name for kind in network.profile.events.values() for name in kind.fields)
    return ["source", "neuron", *(f"field_{name}" for name in fields)]


def run_events(network, folder, events, state):
    """How the program ended, and by event: spikes in order, those dropped so far, and the registers."""
    program, report = compiled(network, folder)
    stream, core = events.fitted(network), network.populations[0].name
    columns = [stream.kind]
    for name in _members(network):
        values = stream.values.get(name.removeprefix("field_"), np.zeros(len(stream), np.int64))
        columns.append(np.where(values == ABSENT, 0, values))
    given = b"".join(np.ascontiguousarray(state[core][e["name"]][0], e["dtype"]).tobytes() for e in report["state"])
    given += np.ascontiguousarray(np.column_stack(columns), np.int64).tobytes()
    ended = subprocess.run([program], input=given, capture_output=True, check=False)
    found, at = [], 0

    def take(count, dtype):
        nonlocal at
        at += count * np.dtype(dtype).itemsize
        return np.frombuffer(ended.stdout, dtype, count, at - count * np.dtype(dtype).itemsize)

    while at < len(ended.stdout):
        spikes, dropped = take(int(take(1, np.int32)[0]), np.int32), int(take(1, np.int32)[0])
        found.append((spikes, dropped, {e["name"]: take(e["shape"][0], e["dtype"]) for e in report["state"]}))
    return ended, found


def assert_events_equal(network, folder, events, state=None):
    """C against the engine after each event; where the engine refuses or gives up, C does."""
    state = bs.initial_state(network) if state is None else state
    ended, found = run_events(network, folder, events, state)
    try:
        trace = bs.run(network, events, record="all", state=state)
    except bs.OverflowRefusedError:
        assert ended.returncode == 11
        return None
    except bs.InputError:
        assert ended.returncode == 14
        return None
    assert (ended.returncode, ended.stderr, len(found)) == (0, b"", len(events))
    layer = trace[network.populations[0].name]
    for event, (spikes, _, registers) in enumerate(found):
        np.testing.assert_array_equal(spikes, trace.wire[trace.wire[:, 1] == event, 2], f"event {event}")
        for name, values in registers.items():
            np.testing.assert_array_equal(values, layer.registers[name][0, event], f"event {event}, {name}")
    assert found[-1][1] == trace.dropped[0]
    return trace
