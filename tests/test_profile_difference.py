"""What differs between two profiles on paper."""

import itertools
import json

import bitspike as bs
import pytest
import yaml
from bitspike.profile.difference import Entry, Section, profile_difference
from bitspike.profile.shared import Quantity, SharedWeight
from bitspike.profile.text import flow, quantity_text, shared_weight_text, stage_lines
from builders import GENERIC, XYLO, edited
from dialects import BRIAN2, LAVA, NENGO

PROFILES = {name: bs.load_profile(name) for name in bs.profile_names()}


def differs(*edits, name=GENERIC):
    """The sections in which a shipped profile differs from itself edited."""
    found = profile_difference(PROFILES[name], edited(name, *edits))
    assert not found.equal
    return found.sections


def reordered(profile, *path):
    """The profile with the items of a mapping in reverse order."""
    data = json.loads(profile.to_json())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = dict(reversed(place[path[-1]].items()))
    return bs.Profile.from_json(json.dumps(data))


def section(found, place, other=None):
    return next(each for each in found.sections if each.place == (place, other or place))


def entries(found, place, other=None):
    return {entry.key: entry.values for entry in section(found, place, other).entries}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_differs_in_nothing_from_itself(name):
    found = profile_difference(PROFILES[name], bs.load_profile(name))
    assert (found.names, found.equal, found.computes_alike, found.sections) == ((name, name), True, True, ())


@pytest.mark.parametrize(("a", "b"), [*itertools.combinations(PROFILES, 2)])
def test_two_shipped_profiles_differ_somewhere(a, b):
    found = profile_difference(PROFILES[a], PROFILES[b])
    assert (found.names, found.equal) == ((a, b), False)
    assert found.sections
    assert all(each.entries or any(mark != " " for mark, _ in each.lines) for each in found.sections)


@pytest.mark.parametrize(("a", "b"), [(LAVA, NENGO), (LAVA, BRIAN2), (PROFILES["odin"], PROFILES["tinyodin"])])
def test_turned_round_everything_changes_sides(a, b):
    one, other = profile_difference(a, b), profile_difference(b, a)
    assert {each.place for each in one.sections} == {each.place[::-1] for each in other.sections}
    said = [{(e.key, e.values) for each in found.sections for e in each.entries if "order" not in e.key[0]}
            for found in (one, other)]  # fmt: skip
    assert said[0] == {(key[::-1], values[::-1]) for key, values in said[1]}


def entry(key, *values):
    return Entry((key, key), values)


@pytest.mark.parametrize(
    ("path", "value", "place", "key", "said"),
    [
        ("title", "Another", "profile", "title", ("8-bit weights, 16-bit accumulator and membrane", "Another")),
        ("clock", "event", "profile", "clock", ("step", "event")),
        ("input", "u3", "profile", "input", ("u8", "u3")),
        ("source.version", "2", "source", "version", ("1", "2")),
        ("neurons.neuron.registers.membrane", "s16.wrap", "neurons.neuron", "registers.membrane",
         ("s16.saturate", "s16.wrap")),
        ("neurons.neuron.parameters.leak", "u5", "neurons.neuron", "parameters.leak", ("u4", "u5")),
        ("neurons.neuron.output_unless", "leak", "neurons.neuron", "output_unless", (None, "leak")),
        ("neurons.neuron.relay", {"order": "ascending", "cap": 3}, "neurons.neuron", "relay.cap", (None, "3")),
        ("connections.forward.timing", "next_step", "connections.forward", "timing", ("same_step", "next_step")),
        ("connections.forward.cap", "none", "connections.forward", "cap", ("255", "none")),
        ("connections.forward.weight.narrow", True, "connections.forward", "weight.narrow", ("false", "true")),
        ("connections.forward.delay", {"per": "source", "word": "u3"}, "connections.forward", "delay.word",
         (None, "u3")),
        ("connections.forward.kernel", "correlation", "connections.forward", "kernel", (None, "correlation")),
        ("limits.fan_in.forward", 7, "limits", "fan_in.forward", ("1024", "7")),
        ("values.gain", {"value": 1, "min": 0, "max": 2, "note": "n"}, "values", "gain.max", (None, "2")),
        ("quirks.odd", "It is.", "quirks", "odd", (None, "It is.")),
    ],
)  # fmt: skip
def test_a_key_that_differs_is_said_with_both_values(path, value, place, key, said):
    (found,) = differs((path, value))
    assert found.place == (place, place)
    assert entry(key, *said) in found.entries


def test_a_stage_that_differs_stands_in_its_list():
    (found,) = differs(("neurons.neuron.step.1.add.terms", ["accumulator", "leak"]))
    assert found.place == ("neurons.neuron.step",) * 2
    assert [line for line in found.lines if line[0] != " "] == [
        ("-", "add: {into: membrane, terms: [accumulator]}"),
        ("+", "add: {into: membrane, terms: [accumulator, leak]}"),
    ]


def test_a_branch_of_a_fire_that_differs_is_a_line_of_its_own():
    (found,) = differs(("neurons.neuron.step.3.fire.branches.0.when.1", ">"))
    assert [line for line in found.lines if line[0] != " "] == [
        ("-", '    - when: [membrane, ">=", threshold]'),
        ("+", '    - when: [membrane, ">", threshold]'),
    ]


def test_a_new_stage_is_added_and_the_others_stay():
    stages = json.loads(PROFILES[GENERIC].to_json())["neurons"]["neuron"]["step"]
    (found,) = differs(("neurons.neuron.step", [{"set": {"into": "membrane", "value": 0}}, *stages]))
    assert found.lines[0] == ("+", "set: {into: membrane, value: 0}")
    assert {mark for mark, _ in found.lines[1:]} == {" "}


@pytest.mark.parametrize(("a", "b"), [(LAVA, NENGO), (LAVA, BRIAN2), (PROFILES["odin"], PROFILES["tinyodin"])])
def test_the_lines_of_a_section_are_the_stages_of_both(a, b):
    found = profile_difference(a, b)
    place, name = section(found, "neurons.neuron.step"), "neuron"
    for profile, sign in ((a, "-"), (b, "+")):
        stages = json.loads(profile.to_json())["neurons"][name]["step"]
        assert [line for mark, line in place.lines if mark in (" ", sign)] == stage_lines(stages)


def test_the_order_of_connections_counts():
    found = profile_difference(PROFILES[GENERIC], reordered(PROFILES[GENERIC], "connections"))
    order = "forward, recurrent"
    assert found.sections == (Section(("connections",) * 2, (entry("order", order, "recurrent, forward"),)),)
    assert not found.computes_alike


def test_the_order_of_registers_counts():
    found = profile_difference(PROFILES[GENERIC], reordered(PROFILES[GENERIC], "neurons", "neuron", "registers"))
    (only,) = found.sections
    assert only.entries == (entry("registers.order", "accumulator, membrane", "membrane, accumulator"),)


def test_classes_and_connections_of_one_profile_only_are_named():
    found = profile_difference(PROFILES["ranc"], PROFILES["odin"])
    assert entries(found, "neurons") == {("axon", "axon"): ("present", None)}
    assert entries(found, "connections") == {
        ("packets", "packets"): ("from [input] to axon", None),
        ("route", "route"): ("from [neuron] to axon", None),
    }
    assert ("spike", "spike") in entries(found, "events")


def test_connections_that_are_shared_under_one_name_stand_beside_each_other():
    found = profile_difference(LAVA, NENGO)
    assert entries(found, "connections.dense", "connections.synapses")["fit_per", "fit_per"] == ("step", "source")
    assert ("dense", "dense") not in entries(found, "connections")
    places = {each.place for each in profile_difference(LAVA, BRIAN2).sections}
    assert {("connections.dense", "connections.external"), ("connections.dense", "connections.internal")} <= places


def test_connections_from_other_sources_do_not_stand_beside_each_other():
    text = BRIAN2.to_json().replace('"external"', '"outer"').replace('"internal"', '"inner"')
    found = profile_difference(edited(BRIAN2, ("connections.external.cap", 1), ("connections.internal.cap", 1)),
                               bs.Profile.from_json(text))  # fmt: skip
    assert [each.place for each in found.sections] == [
        ("connections.external", "connections.outer"), ("connections.internal", "connections.inner")
    ]  # fmt: skip


def test_keys_of_one_kind_stand_together():
    keys = [
        entry.key[0].rpartition(".")[0] for entry in section(profile_difference(LAVA, NENGO), "neurons.neuron").entries
    ]
    assert [kind for kind, _ in itertools.groupby(keys)] == ["registers", "parameters", "derived", "shared"]


def test_a_word_whose_width_is_a_value_is_said_as_written():
    found = profile_difference(PROFILES["ranc"], edited("ranc", ("neurons.neuron.registers.membrane", "s9.saturate")))
    said = entries(found, "neurons.neuron")["registers.membrane", "registers.membrane"]
    assert said == ("s<potential_width>.wrap", "s9.saturate")


def test_parameters_that_mean_the_same_stand_beside_each_other():
    said = entries(profile_difference(LAVA, NENGO), "neurons.neuron")
    assert said["parameters.du", "parameters.decay_u"] == ("s16", "u12")
    assert said["parameters.bias_mant", "parameters.bias"] == ("s16", "s24")
    assert said["parameters.refractory", "parameters.refractory"] == (None, "u8")
    assert said["shared.threshold", "shared.threshold"] == ("vth << 6", "vth")


def test_registers_that_mean_the_same_stand_beside_each_other():
    named = edited(NENGO, ("shared.neurons.neuron.registers", {"current": "biased", "membrane": "membrane"}))
    said = entries(profile_difference(edited(named, ("title", "x")), NENGO), "neurons.neuron")
    assert said == {("shared.registers.current", "shared.registers.current"): ("biased", "current")}
    bare = json.loads(NENGO.to_json())
    del bare["shared"]["neurons"]["neuron"]["lif"]
    data = json.loads(json.dumps(bare, separators=(",", ":")).replace('"membrane', '"potential'))
    other = bs.Profile.from_json(json.dumps(data))
    assert ("registers.membrane", "registers.potential") in entries(
        profile_difference(edited(LAVA, ("shared.neurons.neuron.registers", {"potential": "membrane"})), other),
        "neurons.neuron",
    )


@pytest.mark.parametrize(
    ("path", "value", "alike"),
    [
        ("title", "Another", True),
        ("quirks.odd", "It is.", True),
        ("limits.inputs", 3, True),
        ("source.note", "none", True),
        ("shared", {"neurons": {}, "connections": {}}, True),
        ("input", "u3", False),
        ("neurons.neuron.registers.membrane", "s15.saturate", False),
        ("connections.forward.cap", 3, False),
        ("neurons.neuron.step.3.fire.branches.0.emit", 0, False),
    ],
)
def test_what_no_bit_depends_on_is_told_from_what_computes(path, value, alike):
    found = profile_difference(PROFILES[GENERIC], edited(GENERIC, (path, value)))
    assert (found.computes_alike, found.equal, bool(found.sections)) == (alike, False, True)


def test_a_note_on_a_value_computes_nothing():
    ranc = PROFILES["ranc"]
    assert profile_difference(ranc, edited("ranc", ("values.leak_width.note", "bits"))).computes_alike
    assert not profile_difference(ranc, ranc.with_values(leak_width=8)).computes_alike


def test_what_is_shared_computes_nothing():
    other = edited(LAVA, ("shared.neurons.neuron.quantities.threshold.shift", 5))
    found = profile_difference(LAVA, other)
    assert found.computes_alike
    assert entries(found, "neurons.neuron") == {("shared.threshold", "shared.threshold"): ("vth << 6", "vth << 5")}


def test_profiles_of_one_name_are_told_apart_by_their_digests():
    other = edited(XYLO, ("title", "x"))
    names = profile_difference(PROFILES[XYLO], other).names
    assert names == tuple(f"{XYLO} ({profile.digest[:12]})" for profile in (PROFILES[XYLO], other))


def stage_lists(profile):
    data = json.loads(profile.to_json())
    for neuron in data["neurons"].values():
        yield from (neuron["step"], neuron["prepare"])
    for link in data["connections"].values():
        yield from (link["prepare"], link["weight"]["format"], link.get("sum", {}).get("then", []))
    yield from (event["do"] for event in data["events"].values())


@pytest.mark.parametrize("name", PROFILES)
def test_stages_are_written_as_yaml_that_reads_back(name):
    for stages in stage_lists(PROFILES[name]):
        for stage in stages:
            assert yaml.safe_load("\n".join(stage_lines([stage]))) == json.loads(plain(json.dumps(stage)))


def plain(text):
    """Without the bits of words whose width is a value, which a profile's file does not have."""
    for width, value in (("weight_width", 9),):
        text = text.replace(f"<{width}={value}>", f"<{width}>")
    return text


@pytest.mark.parametrize("name", ["yes", "no", "on", "off", "true", "null", "y"])
def test_names_that_yaml_would_read_as_something_else_are_quoted(name):
    assert flow({"into": name, "terms": [name, f"-{name}"]}) == f'{{into: "{name}", terms: ["{name}", -{name}]}}'
    assert yaml.safe_load(flow({"of": name})) == {"of": name}


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(of="du"), "du"),
        (Quantity(of="du", add=1), "du + 1"),
        (Quantity(of="du", add=-2), "du - 2"),
        (Quantity(of="vth", shift=6), "vth << 6"),
        (Quantity(of="b", exponent="e"), "b << e"),
        (Quantity(of="b", add=1, shift=2, exponent="e", neutral=0), "(b + 1) << (2 + e) (changes nothing at 0)"),
    ],
)
def test_a_quantity_is_written_as_its_formula(quantity, text):
    assert quantity_text(quantity) == text


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (SharedWeight(), "added"),
        (SharedWeight(shift=6, exponent="e"), "added << (6 + e)"),
        (SharedWeight(format_shift=6, format_exponent="e"), "added, where added is weight << (6 + e)"),
    ],
)
def test_a_shared_weight_is_written_as_its_formula(weight, text):
    assert shared_weight_text(weight) == text
