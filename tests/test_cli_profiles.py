"""`bitspike profiles`, `profiles diff`, `show` and `check`."""

from __future__ import annotations

import json
import re

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, XYLO
from command_line import HWCONFIGS, bitspike, refused, small, spikes
from dialects import LAVA, layer, link


def test_profiles_lists_every_shipped_chip_a_line(capsys):
    ran = bitspike(capsys, "profiles")
    rows = [line.split() for line in ran.out.splitlines()[3:-1]]
    assert (ran.status, ran.err) == (0, "")
    assert [row[0] for row in rows] == bs.profile_names()


def test_a_table_in_a_pipe_has_no_colour_and_is_not_wrapped(capsys):
    out = bitspike(capsys, "profiles").out
    assert "\x1b" not in out
    assert "8-bit weights, 16-bit accumulator and membrane" in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_profiles_as_json(capsys):
    listed = json.loads(bitspike(capsys, "profiles", "--json").out)
    assert [profile["name"] for profile in listed] == bs.profile_names()
    assert all(set(profile) == {"name", "title", "source"} for profile in listed)


def test_show_tells_words_stages_and_limits(capsys):
    ran = bitspike(capsys, "show", GENERIC)
    assert (ran.status, ran.err) == (0, "")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["membrane", "s16.saturate", "-32768", "to", "32767"] in lines
    assert ["threshold", "u15", "0", "to", "32767"] in lines
    assert ["2", "add:", "{into:", "membrane,", "terms:", "[accumulator]}"] in lines
    assert ["fan_in", "forward", "1024"] in lines


@pytest.mark.parametrize("name", bs.profile_names())
def test_show_prints_every_shipped_profile(capsys, name):
    ran = bitspike(capsys, "show", name)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"{name}: ")


def words(text):
    """The words of every line."""
    return [" ".join(line.split()) for line in text.splitlines()]


def said(value, keys):
    """Every text of a profile's JSON, and every name in it that is no key of the schema."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from () if key in keys else (key,)
            yield from said(each, keys)
    elif isinstance(value, list):
        for each in value:
            yield from said(each, keys)
    elif isinstance(value, str):
        yield value


def keys_of(schema):
    """Every key that a JSON schema knows."""
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return set(own).union(*(keys_of(part) for part in parts))


REWORDED = {"nonzero": "one, of whatever is not 0", "none": "spikes that act   all", "one": "its neuron"}


@pytest.mark.parametrize("name", bs.profile_names())
def test_show_says_every_name_word_and_text_of_a_profile(capsys, name):
    shown = bitspike(capsys, "show", name).out
    keys = keys_of(json.loads((HWCONFIGS / "profile.schema.json").read_text(encoding="utf-8")))
    profile = json.loads(bs.load_profile(name).to_json())
    for text in said(profile, keys):
        forms = {REWORDED.get(text, text), re.sub("<.*=([0-9]+)>", r"\1", text), re.sub("=[0-9]+>", ">", text)}
        assert any(form in shown for form in forms), text


def test_show_says_how_values_derive(capsys):
    lines = words(bitspike(capsys, "show", "loihi-nengo").out)
    assert "current_keep s13.refuse -4096 to 4095" in lines
    assert "2 add: {into: current_keep, terms: [-decay_u]}" in lines


def test_show_says_everything_of_a_connection(capsys):
    lines = words(bitspike(capsys, "show", "loihi-lava").out)
    dense = lines[lines.index("=== Connection dense") : lines.index("=== Connection graded")]
    for line in (
        "from, to input, neuron to neuron",
        "into arrived",
        "timing next_step, sources in ascending order",
        "fitted once, after the sum of the step",
        "spikes that act one, of whatever is not 0",
        "weight s16, -32768 to 32767",
        "delay one a synapse, u6, 0 to 63 steps",
        "sum s53.refuse",
        "weight_exp s4(-8..7) -8 to 7",
        "mixed u1.refuse 0 to 1",
        "9 add: {into: dropped, terms: [-num_weight_bits, mixed]}",
        "2 clip: {into: weight, low: lowest, high: 255, word: s17.refuse}",
        "1 shift: {into: sum, by: weight_exp, rounding: floor, word: s53.refuse}",
        "weight added << (6 + weight_exp)",
        "num_weight_bits 8 in a rebound network",
    ):
        assert line in dense
    assert "kernels applied as a convolution" in lines


def test_show_says_relay_cap_and_narrow_weights(capsys, tmp_path):
    lines = words(bitspike(capsys, "show", XYLO).out)
    assert "Spikes are copied to aliases in ascending order, 31 a neuron and step at most." in lines
    assert "spikes that act 15 of a source and step at most" in lines
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    (tmp_path / "my.yaml").write_text(text.replace("narrow: false", "narrow: true"), encoding="utf-8")
    assert "weight s8, -127 to 127, narrow" in words(bitspike(capsys, "show", tmp_path / "my.yaml").out)


def test_show_says_values_and_the_words_that_follow_them(capsys):
    lines = words(bitspike(capsys, "show", "ranc").out)
    assert "leak_width 9 2 to 32 bits of the leak" in lines
    assert "leak s9 (width: leak_width) -256 to 255" in lines
    assert "axon_type u2 0 to 3" in lines


def test_show_says_events_queue_and_silenced_neurons(capsys):
    lines = words(bitspike(capsys, "show", "tinyodin").out)
    virtual = lines[lines.index("=== Event virtual") :]
    for line in ("reaches its neuron", "carries neuron, weight_in", "weight_in s4 -8 to 7"):
        assert line in virtual
    assert "1 add: {into: membrane, terms: [weight_in]}" in virtual
    spike = lines[lines.index("=== Event spike") : lines.index("=== Event reference")]
    assert "reaches neurons 0 to last_neuron" in spike
    assert "over crossbar, the weight of (source, neuron)" in spike
    assert {"depth 128", "head_keeps_slot true", "unless open_loop"} <= set(lines)
    assert "Spikes leave the neuron unless disabled is not 0." in lines


def test_show_says_parameters_of_sources_and_synapses(capsys):
    lines = words(bitspike(capsys, "show", "odin").out)
    for title, row in (
        ("Parameters of each source", "sign u1 0 to 1"),
        ("Parameters of each synapse", "mapped u1 0 to 1"),
    ):
        assert row in lines[lines.index(title) :][:6]


def test_show_says_shared_conversions(capsys):
    lines = words(bitspike(capsys, "show", "loihi-lava").out)
    for line in ("current_loss du + 1", "threshold vth << 6", "membrane register membrane"):
        assert line in lines
    assert "bias bias_mant << bias_exp (changes nothing at 0)" in lines
    assert "an input channel carries s32 in a step" in " ".join(lines)


def test_show_says_shapes_and_delays_of_a_networks_projections(capsys, tmp_path):
    layers = [layer(LAVA, "a", 8), layer(LAVA, "b", 2)]
    kernels = bs.Convolution((1, 4, 2), padding=(1, 0))
    links = [
        bs.Projection("input", "a", np.ones((2, 1, 3, 2), int), "convolution", shape=kernels),
        link(LAVA, "a", "b", [2, 4], shape=bs.Sparse([0, 1], [1, 0]), delays=[3, 5], weight_exp=2),
        link(LAVA, "b", "b", [[2, 0], [0, 2]], delays=1),
    ]
    bs.save_network(bs.Network(LAVA, 8, layers, links), tmp_path / "net.npz")
    lines = words(bitspike(capsys, "show", tmp_path / "net.npz").out)
    settings = "weight_exp {}, num_weight_bits 8, sign_mode -1"
    shape = "input_shape 1 x 4 x 2, stride 1 x 1, padding 1 x 0, dilation 1 x 1, groups 1"
    assert f"input to a convolution convolution, weights 2 x 1 x 3 x 2, {shape}" in lines
    assert f"a to b dense sparse, 2 synapses 3 to 5 {settings.format(2)}" in lines
    assert f"b to b dense dense, weights 2 x 2 x 1 1 {settings.format(0)}" in lines


def test_diff_of_a_profile_with_itself_is_equal(capsys):
    ran = bitspike(capsys, "profiles", "diff", GENERIC, GENERIC)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"equal: {GENERIC} and {GENERIC} say the same\n"


def test_diff_prints_tables_and_stages_that_differ(capsys):
    ran = bitspike(capsys, "profiles", "diff", "loihi-lava", "loihi-nengo")
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.startswith("--- loihi-lava\n+++ loihi-nengo\n")
    lines = ran.out.splitlines()
    assert "parameters.du, parameters.decay_u s16 u12" in words(ran.out)
    step = lines[lines.index("@@ neurons.neuron.step") :]
    assert "- add: {into: membrane, terms: [current, bias], word: s32.wrap}" in step
    assert "+ clip: {into: membrane, low: vmin, high: vmax}" in step
    assert "  scale: {into: membrane, of: membrane, factor: membrane_keep, shift: 12, rounding: zero}" in step
    assert "@@ connections.dense, connections.synapses" in lines
    quirks = lines[lines.index("@@ quirks") :]
    assert "- membrane_symmetric: The membrane saturates at -(2^23 - 1), not at -2^23." in quirks
    assert lines[-1] == "11 places differ: they compute differently"


def test_diff_says_where_no_bit_depends_on_what_differs(capsys):
    ran = bitspike(capsys, "profiles", "diff", "xylo-audio-2", "xylo-audio-3")
    assert (ran.status, ran.out.splitlines()[-1]) == (1, "2 places differ: no bit depends on it")
    assert "neurons.output 8 32" in words(ran.out)


@pytest.mark.parametrize("arguments", [["diff", "{}", "{}", "--json"], ["--json", "diff", "{}", "{}"]])
def test_diff_as_json(capsys, arguments):
    pair = iter(("xylo-audio-2", "xylo-audio-3"))
    ran = bitspike(capsys, "profiles", *(next(pair) if each == "{}" else each for each in arguments))
    found = json.loads(ran.out)
    assert (ran.status, found["equal"], found["computes_alike"]) == (1, False, True)
    assert found["names"] == ["xylo-audio-2", "xylo-audio-3"]
    assert found["sections"][-1]["place"] == ["limits", "limits"]
    assert {"key": ["neurons.output"] * 2, "values": ["8", "32"]} in found["sections"][-1]["entries"]


def test_diff_takes_a_file_and_names_its_faults(capsys, tmp_path, faulty):
    lines = refused(capsys, tmp_path, "profiles", "diff", GENERIC, faulty)
    assert len(lines) == 3


def test_diff_of_an_unknown_profile_is_refused(capsys, tmp_path):
    (line,) = refused(capsys, tmp_path, "profiles", "diff", GENERIC, "xylo-audio-4")
    assert "Did you mean 'xylo-audio-" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", GENERIC], "the following arguments are required: b"),
        (["dif", GENERIC, XYLO], "invalid choice: 'dif'"),
        (["diff", GENERIC, XYLO, XYLO], "unrecognized arguments: xylo-audio-2"),
    ],
)
def test_diff_takes_two_profiles(capsys, tmp_path, arguments, message):
    assert message in refused(capsys, tmp_path, "profiles", *arguments)[-1]


def test_show_as_json_holds_the_whole_profile(capsys):
    shown = json.loads(bitspike(capsys, "show", XYLO, "--json").out)
    assert bs.Profile.from_json(json.dumps(shown["profile"])) == bs.load_profile(XYLO)


def test_show_reads_a_networks_file(capsys, tmp_path):
    network = small(tmp_path / "net.npz")
    ran = bitspike(capsys, "show", network)
    assert ran.status == 0
    assert ran.out.startswith(f"Network {bs.load_network(network).digest[:12]}")
    assert ["a", "neuron", "2"] in [line.split() for line in ran.out.splitlines()]
    shown = json.loads(bitspike(capsys, "show", network, "--json").out)
    assert shown["network"]["populations"] == [{"name": "a", "size": 2, "neuron": "neuron"}]


def test_an_unknown_profile_is_refused_with_the_nearest_name(capsys, tmp_path):
    (line,) = refused(capsys, tmp_path, "show", "xylo-audio-4")
    assert line.startswith(
        "profile: found 'xylo-audio-4'; allowed: generic-conv-w8-v16, generic-w4-v12, generic-w8-v16, "
    )
    assert "Did you mean 'xylo-audio-" in line


def test_a_missing_profile_is_one_line(capsys, tmp_path):
    file = tmp_path / "my.yaml"
    assert refused(capsys, tmp_path, "show", file) == [f"{file}: there is no such file"]


@pytest.fixture
def faulty(tmp_path):
    """A profile with three faults."""
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    edits = (("s16.saturate", "s16.saturat"), ("clock: step", "clock: stp"), ("cap: 255", "cap: 0x"))
    for old, new in edits:
        text = text.replace(old, new, 1)
    (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "my.yaml"


def test_check_prints_every_fault_a_line_with_its_place(capsys, faulty):
    ran = bitspike(capsys, "check", faulty)
    assert ran.status == 2
    assert ran.out == f"{faulty}: 3 faults, no warnings\n"
    assert [line.removeprefix(f"{faulty}:").split(": ")[:2] for line in ran.errors] == [
        ["10:8", "clock"],
        ["15:20", "neurons.neuron.registers.accumulator"],
        ["40:10", "connections.forward.cap"],
    ]
    assert "Did you mean 's16.saturate'?" in ran.errors[1]


def test_show_prints_every_fault_too(capsys, tmp_path, faulty):
    assert len(refused(capsys, tmp_path, "show", faulty)) == 3


def test_check_finds_nothing_wrong_with_what_is_shipped(capsys):
    ran = bitspike(capsys, "check", *bs.profile_names())
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "".join(f"{name}: no faults, no warnings\n" for name in bs.profile_names())


def test_check_reports_each_of_several_files(capsys, tmp_path, faulty):
    network = small(tmp_path / "net.npz")
    ran = bitspike(capsys, "check", network, faulty, "nope")
    assert ran.status == 2
    assert [line for line in ran.out.splitlines() if ": " in line] == [
        f"{network}: no faults, no warnings",
        f"{faulty}: 3 faults, no warnings",
        "nope: 1 fault, no warnings",
    ]


def test_check_as_json_holds_faults_and_warnings_by_file(capsys, faulty):
    ran = bitspike(capsys, "check", faulty, GENERIC, "--json")
    found = json.loads(ran.out)
    assert (ran.status, ran.err) == (2, "")
    assert len(found[str(faulty)]["faults"]) == 3
    assert found[GENERIC] == {"faults": [], "warnings": []}


def test_check_says_that_a_networks_file_is_damaged(capsys, tmp_path):
    network = small(tmp_path / "net.npz")
    network.write_bytes(network.read_bytes()[:-40])
    ran = bitspike(capsys, "check", network)
    assert (ran.status, ran.err) == (2, f"{network}: damaged, or not an .npz file\n")


def test_warnings_alone_do_not_fail_the_check(capsys, tmp_path):
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    file = tmp_path / "my.yaml"
    text = text.replace("leak: u4", "leak: u4\n      bias: s8").replace(
        "of: leak}", "of: leak}\n        bias: {of: bias}"
    )
    file.write_text(text, encoding="utf-8")
    ran = bitspike(capsys, "check", file)
    assert (ran.status, ran.out) == (0, f"{file}: no faults, 1 warning\n")
    assert ran.errors == [f"warning: {file}:20:7: neurons.neuron.parameters.bias: nothing reads it"]


def test_check_says_what_keeps_a_network_from_working(capsys, tmp_path):
    network = small(tmp_path / "net.npz")  # weights 5, -3, 2 and 7, threshold 9, leak 2
    ran = bitspike(capsys, "check", network, "--most-input", 0)
    assert (ran.status, ran.out.splitlines()[0]) == (0, f"{network}: no faults, 1 warning")
    assert ran.errors[0].startswith(f"warning: {network}: layer a: 2 of 2 neurons (100%) never spike, for any input")
    assert bitspike(capsys, "check", network, "--input", spikes(tmp_path / "in.npy")).status == 0
    as_json = json.loads(bitspike(capsys, "check", network, "--most-input", 0, "--json").out)[str(network)]
    assert as_json["findings"][0] | {"what": "", "change": "", "text": ""} == {
        "kind": "unreachable", "layer": "a", "subject": "", "count": 2, "of": 2, "what": "", "change": "",
        "proved": True, "share": 1.0, "text": "",
    }  # fmt: skip


def test_check_says_what_a_network_does_on_samples(capsys, tmp_path):
    network, given = small(tmp_path / "net.npz"), tmp_path / "in.npy"
    np.save(given, np.zeros((2, 3, 2), np.uint8))
    ran = bitspike(capsys, "check", network, "--data", given)
    assert ran.out.startswith(f"{network}: no faults, 1 warning\n")
    assert "layer a: 2 of 2 neurons (100%) never spike on these samples" in ran.errors[0]


@pytest.mark.parametrize(("option", "value", "allowed"), [("--most-input", -1, "0 or more"),
                                                          ("--weight-bits", 0, "1 to 63")])  # fmt: skip
def test_check_refuses_impossible_bounds(capsys, tmp_path, option, value, allowed):
    lines = refused(capsys, tmp_path, "check", small(tmp_path / "net.npz"), option, value)
    assert lines == [f"{option}: found {value}; allowed: {allowed}"]


def test_check_says_of_each_register_whether_it_can_overflow_and_what_would_hold_it(capsys, tmp_path):
    network = small(tmp_path / "net.npz")  # weights 5, -3, 2 and 7, threshold 9, leak 2
    lines = bitspike(capsys, "check", network, "--most-input", 1).out.splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith("  a ")] == [
        "a accumulator s16.saturate -3 to 7 no s4 100%",
        "a membrane s16.saturate -9 to 13 no s5 100%",
    ]
    found = json.loads(bitspike(capsys, "check", network, "--json").out)[str(network)]["registers"]
    assert found[0] == {
        "layer": "a", "register": "accumulator", "word": "s16.saturate", "low": -765, "high": 1785, "neurons": 0,
        "of": 2, "enough": "s12", "margin": 1 - 1785 / 32767,
    }  # fmt: skip
