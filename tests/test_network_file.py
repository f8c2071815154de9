"""A network's file: it is read back equal, under the profile it was made for, or refused."""

import copy

import bitspike as bs
import numpy as np
import pytest
from bitspike.network.file import network_from, network_header
from builders import GENERIC, edited, generic, random_generic, random_xylo, rewrite
from invented_chips import random_event, random_exponents, random_ternary

NETWORK = generic()


@pytest.fixture
def file(tmp_path):
    """A good network file, to be spoilt."""
    bs.save_network(NETWORK, tmp_path / "net.npz")
    return tmp_path / "net.npz"


def refused(path):
    with pytest.raises(bs.FileError) as caught:
        bs.load_network(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("network", [generic(), random_generic(3), random_xylo(3)], ids=repr)
def test_a_network_is_read_back_equal(network, tmp_path):
    bs.save_network(network, tmp_path / "net.npz")
    assert bs.load_network(tmp_path / "net.npz") == network


def test_the_task_and_the_limits_flag_are_read_back(tmp_path):
    network = generic(task={"classes": ["a", "b"]}, limits=False)
    bs.save_network(network, tmp_path / "net.npz")
    back = bs.load_network(tmp_path / "net.npz")
    assert back.task == {"classes": ["a", "b"]}
    assert not back.limits


def test_another_schema_version_is_refused(file):
    rewrite(file, lambda header, arrays: header.update(schema=2))
    assert refused(file) == "schema version 2; this bitspike reads version 1"


def tamper(header, arrays):
    arrays["a.threshold"] = arrays["a.threshold"] + np.uint16(1)


def test_a_tampered_array_is_refused(file):
    rewrite(file, tamper, checksum=False)
    assert refused(file) == "damaged: its content does not have the checksum it was written with"


def test_a_tampered_array_under_a_new_checksum_is_refused(file):
    rewrite(file, tamper)
    assert refused(file) == "the network does not have the hash it was written with"


def change_profile(header, *, digest):
    profile = edited("generic-w8-v16", ("neurons.neuron.registers.membrane", "s16.wrap"))
    header["profile"] = profile.to_json()
    if digest:
        header["profile_sha256"] = profile.digest


def test_another_profile_under_the_old_hash_is_refused(file):
    rewrite(file, lambda header, arrays: change_profile(header, digest=False))
    assert refused(file) == "its profile 'generic-w8-v16' does not have the hash it was written with"


def test_another_profile_under_its_own_hash_is_refused(file):
    rewrite(file, lambda header, arrays: change_profile(header, digest=True))
    assert refused(file) == "the network does not have the hash it was written with"


def test_a_profile_that_cannot_be_run_is_refused(file):
    broken = edited("generic-w8-v16", ("neurons.neuron.step.1.add.terms", ["acumulator"]))

    def change(header, arrays):
        header.update(profile=broken.to_json(), profile_sha256=broken.digest)

    rewrite(file, change)
    message = refused(file)
    assert message.startswith("its profile 'generic-w8-v16' cannot be run: neurons.neuron.step[1].add.terms[0]: ")
    assert message.endswith("Did you mean 'accumulator'?")


@pytest.mark.parametrize("profile", ["{", "{}", "[]", "[" * 100_000, 5])
def test_a_profile_that_is_none_is_refused(file, profile):
    rewrite(file, lambda header, arrays: header.update(profile=profile))
    message = refused(file)
    assert message.startswith(("holds a profile that this bitspike cannot read", "its header is incomplete"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.pop("populations"), "its header is incomplete: KeyError 'populations'"),
        (lambda h, a: h.update(populations=7), "its header is incomplete: TypeError"),
        (lambda h, a: h["populations"][0].update(neuron="x"), "its header is incomplete: KeyError 'x'"),
        (lambda h, a: h["populations"][0].update(size=10**12), "layer 'a': threshold: found shape (2,); allowed"),
        (lambda h, a: h["projections"][0].update(source=["input"]), "projection '['input']' to 'a': source: found"),
        (lambda h, a: h.update(task=5), "its header is incomplete: TypeError"),
        (lambda h, a: a.pop("a.leak"), "its header is incomplete: KeyError 'a.leak'"),
        (lambda h, a: a.update(other=np.zeros(2, int)), "holds arrays that belong to nothing: other"),
        (lambda h, a: a.update({"a.leak": np.array(3)}), "a.leak is a single value; an array is needed"),
    ],
)
def test_a_header_that_does_not_fit_its_arrays_is_refused(file, change, message):
    rewrite(file, change)
    assert refused(file).startswith(message)


def test_a_network_made_for_another_profile_is_refused(file):
    other = bs.load_profile("xylo-audio-2")
    with pytest.raises(bs.FileError) as caught:
        bs.load_network(file, profile=other)
    made_for = f"'generic-w8-v16' ({NETWORK.profile.digest[:12]})"
    assert str(caught.value) == f"{file}: made for profile {made_for}, not for 'xylo-audio-2' ({other.digest[:12]})"


def test_names_that_look_like_those_of_arrays_do_not_collide_in_the_file(tmp_path):
    profile = edited(GENERIC, ("neurons.neuron.parameters", {"threshold": "u15", "leak": "u4", "aliases": "u4"}))
    parameters = {"threshold": 3, "leak": 1, "aliases": 2}
    layers = [bs.Population(name, 2, parameters) for name in ("weights", "weights_0", "projection0")]
    network = bs.Network(profile, 1, layers, [bs.Projection("input", "weights", [[1, 2]], "forward")])
    bs.save_network(network, tmp_path / "net.npz")
    assert bs.load_network(tmp_path / "net.npz") == network


JUNK = (None, -1, 7, 10**30, 0.5, "x", [], {}, [[1]], {"kind": "Sparse"}, {"kind": ["Pooling"]})


def places(value, path=()):
    """Every place in a header, by the keys that lead to it."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def replaced(header, path, value):
    """A header with another value at a place."""
    changed = copy.deepcopy(header)
    *parents, last = path
    place = changed
    for key in parents:
        place = place[key]
    place[last] = value
    return changed


def read(header, arrays):
    """The network, or None where it is refused as a file."""
    try:
        return network_from(header, dict(arrays), "net.npz")
    except bs.FileError:
        return None


@pytest.mark.parametrize("make", [random_ternary, random_exponents, random_event])
def test_whatever_stands_in_the_header_makes_the_same_network_or_is_refused(make):
    network = make(1)
    header = network_header(network)
    for path in places(header):
        for junk in JUNK:
            assert read(replaced(header, path, junk), network.arrays()) in (None, network), (path, junk)


@pytest.mark.parametrize("make", [random_ternary, random_exponents, random_event])
def test_whatever_the_arrays_hold_they_are_refused_unless_equal(make):
    network = make(1)
    header, arrays = network_header(network), network.arrays()
    for name in arrays:
        for junk in (np.array(3), np.zeros(0, int), np.zeros((1, 1, 1, 1, 1), int), np.array([10**12, -1])):
            assert read(header, {**arrays, name: junk}) is None, (name, junk)
        assert read(header, {other: array for other, array in arrays.items() if other != name}) is None, name
