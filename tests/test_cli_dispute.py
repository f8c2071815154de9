"""`bitspike compare --profiles`: one network under two profiles, from the command line."""

import json

import bitspike as bs
import numpy as np
import pytest
from command_line import HWCONFIGS, bitspike, digits, refused
from dialects import ALL_SPIKE, BRIAN2, LAVA, NENGO, layer, link, one_layer, wrapping

BOTH = ["--profiles", LAVA.name, NENGO.name, "--engine", "oracle"]


@pytest.fixture
def net(tmp_path):
    """A network that the two profiles compute differently from step 1 on."""
    bs.save_network(wrapping(), tmp_path / "net.npz")
    return tmp_path / "net.npz"


@pytest.fixture
def counts(tmp_path):
    np.save(tmp_path / "in.npy", np.repeat(ALL_SPIKE, 3, axis=0))
    return tmp_path / "in.npy"


@pytest.fixture
def silence(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((1, 4, 8), np.uint8))
    return tmp_path / "none.npy"


@pytest.fixture
def trace(tmp_path, net, silence):
    bs.run(bs.load_network(net), np.load(silence), engine="oracle").save(tmp_path / "trace.npz")
    return tmp_path / "trace.npz"


def test_a_network_on_which_both_agree_ends_with_status_0(capsys, net, silence):
    ran = bitspike(capsys, "compare", *BOTH, net, silence)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "equal: 24 values of 1 samples compared\n"


def test_a_network_on_which_they_differ_ends_with_status_1_and_names_the_place(capsys, net, counts):
    ran = bitspike(capsys, "compare", *BOTH, net, counts)
    assert (ran.status, ran.err) == (1, "")
    first, *rest = ran.out.splitlines()
    assert first.startswith("first difference at step 1, layer a, neuron 1, register current (sample 0): 4161536 (")
    parted = rest[rest.index("they part by:") + 1 :][:2]
    assert parted[0].startswith("  loihi-lava: current: 0 -> 4161536")
    assert parted[0].endswith("add, current = 0, addend = 4161536")
    assert parted[1].startswith("  loihi-nengo: current: 0 -> -32768")
    assert parted[1].endswith("add, current = 0, arrived = -32768")
    assert [line[:14] for line in rest if line.startswith(">")] == ["> current: 0 -", "> current: 0 -"]


def test_what_is_printed_is_what_the_library_tells(capsys, net, counts):
    found = bs.dispute(bs.load_network(net), (LAVA, NENGO), np.load(counts), engine="oracle")
    assert bitspike(capsys, "compare", *BOTH, net, counts).out == f"{found}\n"


def test_only_so_many_samples_are_compared(capsys, net, counts):
    out = bitspike(capsys, "compare", *BOTH, net, counts, "--samples", 2, "--json").out
    assert json.loads(out)["samples"] == 2


def test_a_dispute_as_json(capsys, net, counts):
    ran = bitspike(capsys, "compare", *BOTH, net, counts, "--json")
    found = json.loads(ran.out)
    assert (ran.status, found["equal"]) == (1, False)
    first = found["first"]
    assert (first["step"], first["layer"], first["neuron"], first["register"]) == (1, "a", 1, "current")
    lava, nengo = found["profiles"]
    assert (lava["name"], nengo["name"], lava["register"], nengo["register"]) == (
        "loihi-lava", "loihi-nengo", "current", "current"
    )  # fmt: skip
    assert lava["writes"][lava["decisive"]]["after"] == first["values"][0]
    assert nengo["writes"][nengo["decisive"]]["after"] == first["values"][1]
    assert nengo["writes"][4]["effect"] == "wrapped"


def test_an_agreement_as_json_has_no_writes(capsys, net, silence):
    ran = bitspike(capsys, "compare", *BOTH, net, silence, "--json")
    found = json.loads(ran.out)
    assert (ran.status, found["equal"], found["first"]) == (0, True, None)
    assert [side["writes"] for side in found["profiles"]] == [[], []]


def test_a_data_set_is_an_input_too(capsys, tmp_path):
    task = bs.load_network(digits(tmp_path / "digits.npz")).task
    weights = np.full((64, 1), 2)
    net = bs.Network(LAVA, 64, [layer(LAVA)], [link(LAVA, "input", "a", weights)], task=task)
    bs.save_network(net, tmp_path / "net.npz")
    ran = bitspike(capsys, "compare", *BOTH, tmp_path / "net.npz", "digits", "--samples", 2)
    assert (ran.status, ran.out) == (0, "equal: 12 values of 2 samples compared\n")


def test_a_profile_may_be_a_file(capsys, tmp_path, net, silence):
    text = (HWCONFIGS / "loihi-nengo.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("name: loihi-nengo\n", "name: mine\n"), encoding="utf-8")
    pair = ["--profiles", LAVA.name, tmp_path / "mine.yaml", "--engine", "oracle"]
    assert bitspike(capsys, "compare", *pair, net, silence).status == 0


def test_what_has_no_equal_is_refused_by_name(capsys, tmp_path, silence):
    bs.save_network(one_layer(LAVA, np.full((8, 2), 2), ternary=[0, 1], du=-1), tmp_path / "net.npz")
    lines = refused(capsys, tmp_path, "compare", *BOTH, tmp_path / "net.npz", silence)
    found = "'ternary' has no equal in loihi-nengo: neuron 1: found a ternary of 1; allowed: 0"
    assert lines == [f"layer 'a': {found}"]


def test_an_unshared_profile_is_refused_by_name(capsys, tmp_path, net, silence):
    lines = refused(capsys, tmp_path, "compare", "--profiles", LAVA.name, "ranc", net, silence)
    assert lines == ["profile 'ranc': shares nothing with other profiles (key 'shared')"]


def test_an_unknown_profile_is_refused_with_the_nearest_name(capsys, tmp_path, net, silence):
    (line,) = refused(capsys, tmp_path, "compare", "--profiles", LAVA.name, "loihi-nengi", net, silence)
    assert line.startswith("profile: found 'loihi-nengi'; allowed: ")
    assert line.endswith("Did you mean 'loihi-nengo'?")


def test_spikes_that_a_profile_does_not_take_are_refused_with_its_name(capsys, tmp_path, net):
    np.save(tmp_path / "in.npy", np.full((1, 2, 8), 256))
    lines = refused(capsys, tmp_path, "compare", *BOTH, net, tmp_path / "in.npy")
    found = "spikes: sample 0, step 0, input 0: found 256; allowed: 0 to 255"
    assert lines == [f"under profile 'loihi-nengo': {found}"]


def test_a_trace_is_no_network_to_rebind(capsys, tmp_path, trace):
    lines = refused(capsys, tmp_path, "compare", *BOTH, trace, trace)
    assert lines == [f"{trace}: not a bitspike network file: it says 'bitspike-trace'"]


def test_a_trace_is_no_input(capsys, tmp_path, net, trace):
    (line,) = refused(capsys, tmp_path, "compare", *BOTH, net, trace)
    assert line.startswith(f"data: found '{trace}'; allowed: a data set (digits")


def test_a_missing_input_is_refused(capsys, tmp_path, net):
    path = tmp_path / "no.npy"
    assert refused(capsys, tmp_path, "compare", *BOTH, net, path) == [f"{path}: no such file"]


@pytest.mark.parametrize("option", [["--samples", "2"], ["--engine", "oracle"]])
def test_options_of_a_run_need_profiles(capsys, tmp_path, trace, option):
    lines = refused(capsys, tmp_path, "compare", trace, trace, *option)
    assert lines == [
        f"{option[0]}: allowed only with --profiles, which runs a network; traces are compared as they are"
    ]


def test_a_network_without_profiles_is_no_trace(capsys, tmp_path, net, silence):
    lines = refused(capsys, tmp_path, "compare", net, silence)
    assert lines == [f"{net}: not a bitspike trace file: it says 'bitspike-network'"]


@pytest.mark.parametrize(
    "arguments",
    [["--profiles", "loihi-lava", "net.npz", "in.npy"], ["--profiles", "loihi-lava", "loihi-nengo", "net.npz"], ["a"]],
)
def test_too_few_arguments_show_both_forms(capsys, tmp_path, arguments):
    lines = refused(capsys, tmp_path, "compare", *arguments)
    assert lines[0] == "usage: bitspike compare [--json] TRACE TRACE"
    assert lines[1].strip().startswith("bitspike compare --profiles PROFILE PROFILE ")
    assert "required" in lines[-1]


def test_three_profiles_are_refused(capsys, tmp_path):
    pair = ["--profiles", LAVA.name, NENGO.name, BRIAN2.name]
    lines = refused(capsys, tmp_path, "compare", *pair, "net.npz", "in.npy")
    assert "unrecognized arguments: in.npy" in lines[-1]
