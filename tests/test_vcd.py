"""A trace as a VCD: an independent parser reads back every value, and the tools of GTKWave take it."""

from __future__ import annotations

import re
import shutil
import subprocess

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange.vcd import identifier
from builders import generic
from command_line import bitspike, refused
from test_verify import FAMILIES, case
from vcd.reader import TokenKind, tokenize


def parsed(path):
    """Signals by (layer, neuron, name): what each declares, and (time, value) of each change; the times; the scale."""
    names, scopes, changes, sizes, times, now, scale = {}, [], {}, {}, [], None, ""
    with open(path, "rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.TIMESCALE:
                scale = str(token.data)
            elif token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR:
                name = (*scopes, token.var.reference)
                assert name not in changes
                assert token.var.id_code not in names
                names[token.var.id_code] = name
                changes[name], sizes[name] = [], (token.var.type_.value, token.var.size)
            elif token.kind is TokenKind.CHANGE_TIME:
                now = token.time_change
                times.append(now)
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR):
                change = token.scalar_change if token.kind is TokenKind.CHANGE_SCALAR else token.vector_change
                changes[names[change.id_code]].append((now, change.value))
    assert scopes == []
    return sizes, changes, times, scale


def values(changes, steps):
    """The value in each step; bits as they are written."""
    found = dict(changes)
    row = []
    for step in range(steps):
        row.append(found.get(step, row[-1] if row else None))
    return row


@pytest.mark.parametrize("family", FAMILIES)
def test_every_value_is_read_back(tmp_path, family):
    _, _, trace = case(family)
    sample, steps = trace.spikes.shape[0] - 1, trace.spikes.shape[1]
    count = bs.write_vcd(tmp_path / "t.vcd", trace, sample=sample)
    sizes, changes, times, _ = parsed(tmp_path / "t.vcd")
    assert (len(sizes), times) == (count, list(range(steps + 1)))
    for name, layer in trace.layers.items():
        for neuron in range(layer.spikes.shape[2]):
            for register, array in layer.registers.items():
                place, word = (name, f"n{neuron}", register), bs.word.Word.parse(layer.words[register])
                written = [int(bits) for bits in values(changes[place], steps)]
                assert sizes[place] == ("reg", word.bits)
                assert written == [int(value) & word.mask for value in array[sample, :, neuron]]
            events = changes[(name, f"n{neuron}", "spikes")]
            assert sizes[(name, f"n{neuron}", "spikes")] == ("event", 1)
            assert [time for time, _ in events] == np.flatnonzero(layer.spikes[sample, :, neuron]).tolist()


def test_spikes_beyond_one_are_counted_too(tmp_path):
    _, _, trace = case("delays, sparse, a value")
    assert trace["b"].spikes.min() < 0
    bs.write_vcd(tmp_path / "t.vcd", trace)
    sizes, changes, _, _ = parsed(tmp_path / "t.vcd")
    for neuron in range(trace["b"].spikes.shape[2]):
        bits = sizes[("b", f"n{neuron}", "spikes$count")][1]
        written = [int(value) for value in values(changes[("b", f"n{neuron}", "spikes$count")], 8)]
        assert written == [int(v) & ((1 << bits) - 1) for v in trace["b"].spikes[0, :, neuron]]
    bs.write_vcd(tmp_path / "t.vcd", bs.run(generic(), np.ones((4, 2), int)))
    assert {name[2] for name in parsed(tmp_path / "t.vcd")[0]} == {"spikes"}


def test_two_spikes_a_step_are_counted(tmp_path):
    layer = bs.LayerTrace(np.array([[[2], [0], [1]]], np.uint8), {}, {}, {})
    bs.write_vcd(tmp_path / "t.vcd", bs.Trace({"a": layer}, "0"))
    sizes, changes, _, _ = parsed(tmp_path / "t.vcd")
    assert sizes[("a", "n0", "spikes$count")] == ("reg", 2)
    assert values(changes[("a", "n0", "spikes$count")], 3) == [2, 0, 1]


def test_the_file_reads_as_it_should(tmp_path):
    trace = bs.run(generic(), [[[0, 1], [255, 0]]], record=["membrane"])
    bs.write_vcd(tmp_path / "t.vcd", trace, layers={"a": [1]}, timescale="1 ms")
    first, second = (f"{value & 0xFFFF:016b}" for value in trace["a"].registers["membrane"][0, :, 1].tolist())
    assert (tmp_path / "t.vcd").read_text().splitlines() == [
        f"$comment a unit of time is one step; sample 0 of network {trace.network} $end",
        "$version bitspike $end",
        "$timescale 1 ms $end",
        "$scope module a $end",
        "$scope module n1 $end",
        "    $var reg 16 ! membrane [15:0] $end",
        '    $var event 1 " spikes $end',
        "$upscope $end",
        "$upscope $end",
        "$enddefinitions $end",
        "#0",
        f"b{first} !",
        "#1",
        f"b{second} !",
        "#2",
    ]


def test_many_signals_have_codes_of_their_own(tmp_path):
    net = generic(np.ones((1, 9100), int), limits=False)
    bs.write_vcd(tmp_path / "t.vcd", bs.run(net, [[[1]]]))
    codes = re.findall(r"\$var event 1 (\S+) ", (tmp_path / "t.vcd").read_text())
    assert len(set(codes)) == 9100
    assert {len(code) for code in codes} == {1, 2, 3}


@pytest.mark.parametrize(("name", "written"), [("a", "a"), ("_b$1", "_b$1"), ("1a", "\\1a"), ("a-b.c", "\\a-b.c")])
def test_a_name_that_is_no_identifier_is_escaped(name, written):
    assert identifier(name) == written


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "ä", "$end "])
def test_a_name_that_no_escape_holds_is_refused(name):
    with pytest.raises(bs.InputError, match="allowed in a VCD: printable ASCII characters without spaces"):
        identifier(name)


@pytest.mark.skipif(not shutil.which("vcd2fst"), reason="vcd2fst of Debian's package gtkwave is not installed")
@pytest.mark.parametrize("family", ["relay, two synapses", "delays, sparse, a value", "a queue"])
def test_gtkwaves_converter_takes_it(tmp_path, family):
    _, _, trace = case(family)
    bs.write_vcd(tmp_path / "t.vcd", trace)
    for command in (["vcd2fst", "t.vcd", "t.fst"], ["fst2vcd", "-f", "t.fst", "-o", "back.vcd"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    steps = trace.spikes.shape[1]
    there, back = parsed(tmp_path / "t.vcd"), parsed(tmp_path / "back.vcd")
    assert there[0].keys() == {(*name[:2], name[2].split(" ")[0]) for name in back[0]}
    for name, changes in back[1].items():
        own = there[1][(*name[:2], name[2].split(" ")[0])]
        if back[0][name][0] != "event":
            assert [int(v) for v in values(changes, steps)] == [int(v) for v in values(own, steps)]


@pytest.fixture
def files(tmp_path):
    bs.save_network(generic(), tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", np.ones((2, 5, 2), int))
    bs.run(generic(), np.ones((2, 5, 2), int), record="all").save(tmp_path / "trace.npz")
    return tmp_path


def test_a_network_and_its_trace_make_the_same_file(capsys, files):
    one, two = files / "one.vcd", files / "two.vcd"
    ran = bitspike(capsys, "trace", files / "net.npz", files / "in.npy", "--vcd", one, "--sample", 1)
    assert (ran.status, ran.out, ran.err) == (0, f"{one}: 6 signals, 5 steps\n", "")
    assert bitspike(capsys, "trace", files / "trace.npz", "--vcd", two, "--sample", 1).status == 0
    assert one.read_bytes() == two.read_bytes()
    chosen = ("--layer", "a:1", "--register", "spikes", "--json")
    ran = bitspike(capsys, "trace", files / "net.npz", files / "in.npy", "--vcd", one, *chosen)
    assert ('"signals": 1' in ran.out, ran.status) == (True, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample", "2"], "sample: found 2; allowed: 0 to 1"),
        (["--sample", "-1"], "sample: found -1; allowed: 0 to 1"),
        (["--timescale", "2 ms"], "timescale: found '2 ms'; allowed: 1, 10 or 100 and s, ms, us, ns, ps or fs"),
        (["--layer", "b"], "layer: found 'b'; allowed: a"),
        (["--register", "weight"], "register: found 'weight'; allowed: accumulator, membrane, spikes"),
    ],
)
def test_what_is_not_there_is_refused(capsys, files, options, message):
    for source in ([files / "net.npz", files / "in.npy"], [files / "trace.npz"]):
        (line,) = refused(capsys, files, "trace", *source, "--vcd", files / "t.vcd", *options)
        assert line.startswith(message)


def test_a_network_without_input_is_no_trace(capsys, files):
    (line,) = refused(capsys, files, "trace", files / "net.npz", "--vcd", files / "t.vcd")
    assert line == f"{files}/net.npz: not a bitspike trace file: it says 'bitspike-network'"
