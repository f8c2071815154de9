"""`bitspike profiles`, `show` and `check`."""

from __future__ import annotations

import json

import bitspike as bs
import pytest
from builders import GENERIC, XYLO
from command_line import HWCONFIGS, bitspike, refused, small


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
    assert ["2", "add", "into:", "membrane,", "terms:", "[accumulator]"] in lines
    assert ["fan_in", "forward", "1024"] in lines


@pytest.mark.parametrize("name", bs.profile_names())
def test_show_prints_every_shipped_profile(capsys, name):
    ran = bitspike(capsys, "show", name)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"{name}: ")


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
    assert line.startswith("profile: found 'xylo-audio-4'; allowed: generic-w8-v16, ")
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
    assert ran.out.splitlines() == [
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
    file.write_text(text.replace("leak: u4", "leak: u4\n      bias: s8"), encoding="utf-8")
    ran = bitspike(capsys, "check", file)
    assert (ran.status, ran.out) == (0, f"{file}: no faults, 1 warning\n")
    assert ran.errors == [f"warning: {file}:20:7: neurons.neuron.parameters.bias: nothing reads it"]
