"""What the chips' own programs and RTL recorded, as files of vectors, is verified under the shipped profiles."""

import bitspike as bs
import lava_adapter
import numpy as np
import pytest
import ranc_adapter
import speck_adapter
import spiker_adapter
import tinyodin_adapter
import xylo_adapter
from bitspike.events import Events
from vectors import OTHER, check_found, files, load


def as_recorded(net, samples, steps, arrays):
    """A trace that holds what a program recorded, `{"layer.register": values}`, and nothing else."""
    layers = {}
    for population in net.populations:
        own = {key.partition(".")[2]: a for key, a in arrays.items() if key.partition(".")[0] == population.name}
        own = {name: values.reshape(samples, steps, population.size) for name, values in own.items()}
        spikes = own.pop("spikes", np.zeros((samples, steps, 0), np.uint8))
        layers[population.name] = bs.LayerTrace(spikes, own, {}, {})
    return bs.Trace(layers, net.digest)


def started(net, samples, layer, membrane):
    """A state whose membranes are these."""
    state = bs.initial_state(net, samples)
    state[layer]["membrane"][...] = membrane
    return state


def xylo(vectors):
    net = xylo_adapter.network(vectors, xylo_adapter.profiles(vectors)[0])
    return net, vectors["input"], xylo_adapter.expected(vectors), None


def loihi_lava(vectors):
    net = lava_adapter.network(vectors)
    spikes = lava_adapter.pictures(vectors["inputs"], vectors["inputs"].ndim - 1)
    return net, spikes, lava_adapter.expected(vectors), lava_adapter.state(vectors, net)


def ranc(vectors):
    net = ranc_adapter.network(vectors)
    arrays = {f"neurons.{name}": values for name, values in ranc_adapter.expected(vectors).items()}
    return net, ranc_adapter.counts(vectors), arrays, started(net, 1, "neurons", vectors["v0"])


def spiker(vectors):
    """The ends of steps: each a sample, from the membrane that was recorded before it."""
    ends = np.flatnonzero(vectors["ops"][:, 0] == spiker_adapter.END)
    net, before = spiker_adapter.network(vectors), np.concatenate([[0], vectors["v"]])[ends]
    spikes = np.zeros((len(ends), 1, net.inputs), np.uint8)
    arrays = {"neuron.membrane": vectors["v"][ends], "neuron.spikes": vectors["spk"][ends]}
    return net, spikes, arrays, started(net, len(ends), "neuron", before[:, None])


def speck(vectors):
    arrays = speck_adapter.expected(vectors)
    named = {f"l{key.split('_')[1]}.{key.split('_')[0]}": a for key, a in arrays.items() if key != "output"}
    return speck_adapter.network(vectors), vectors["x"].reshape(len(vectors["x"]), -1), named, None


def tinyodin(vectors):
    net, stream = tinyodin_adapter.network(vectors), Events.of(tinyodin_adapter.events(vectors))
    return net, stream, {"core.membrane": vectors["v"]}, started(net, 1, "core", vectors["v0"])


CASES = {
    "xylo": (xylo, ["edge_alias*.npz", "edge_order*.npz"]),
    "loihi-lava": (loihi_lava, ["delaydense_1.npz", "conv_*.npz", "ternary_1.npz"]),
    "ranc": (ranc, ["run_1*.npz"]),
    "spiker": (spiker, ["run_0[125]*.npz"]),
    "speck": (speck, ["net0*.npz"]),
    "tinyodin": (tinyodin, ["run_1*.npz"]),
}


def chosen(chip):
    """Three files of each kind; of another folder, three."""
    patterns = ["*.npz"] if OTHER else CASES[chip][1]
    return [path for pattern in patterns for path in files(chip, pattern)[:3]]


FILES = [
    pytest.param(convert, path, id=f"{chip}-{path.stem}")
    for chip, (convert, _) in CASES.items()
    for path in chosen(chip)
]
ENDS = [pytest.param(CASES[chip][0], path, id=chip) for chip in ("xylo", "tinyodin") for path in chosen(chip)[:1]]


def verified(path, convert, vectors):
    """A file of vectors of what was recorded, verified under the shipped profile; how many values that is."""
    net, given, arrays, state = convert(vectors)
    samples, steps = (1, len(given)) if len(np.shape(given)) < 3 else given.shape[:2]
    bs.save_vectors(path, net, given, as_recorded(net, samples, steps, arrays), state=state)
    found = bs.verify(bs.load_vectors(path, bs.load_profile(net.profile.name), limits=False))
    return found, sum(np.size(values) for values in arrays.values())


@pytest.mark.parametrize(("convert", "path"), FILES)
def test_a_chips_own_record_is_equal(tmp_path, convert, path):
    found, values = verified(tmp_path / "chip.npz", convert, load(path))
    assert found.equal, found
    assert found.comparison.values == values > 0


@pytest.mark.parametrize(("convert", "path"), ENDS)
def test_a_changed_bit_of_a_record_is_found(tmp_path, convert, path):
    vectors = load(path)
    vectors["vmem" if "vmem" in vectors else "v"][-1, -1] ^= 4
    found, _ = verified(tmp_path / "chip.npz", convert, vectors)
    assert (found.comparison.different, found.bits, found.comparison.first.step) == (1, (2,), found.steps - 1)


@pytest.mark.parametrize("chip", CASES)
def test_there_are_vectors(chip):
    check_found(chip, *(["*.npz"] if OTHER else CASES[chip][1]))
