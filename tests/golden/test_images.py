"""Memory images of the recorded cores: a reader written from the chips' memory maps finds the recorded arrays in them,
and a slow model that runs what it found computes what the RTL recorded.
"""

from __future__ import annotations

import bitspike as bs
import chip_images
import numpy as np
import odin_adapter
import pytest
import ranc_adapter
import tinyodin_adapter
from slow_odin import Odin, TinyOdin
from slow_ranc import Ranc
from vectors import OWN, files, load

EVENTS = {"odin": (odin_adapter, Odin), "tinyodin": (tinyodin_adapter, TinyOdin)}
CASES = [
    pytest.param(chip, path, id=f"{chip}-{path.stem}") for chip in EVENTS for path in files(chip, "run_*.npz", OWN)
]
RANC = files("ranc", folder=OWN)


def exported(chip, net, v0, folder):
    """The images of a core whose membranes start at `v0`, read back as the same core on the way."""
    start = bs.initial_state(net)
    start[net.output]["membrane"][0] = v0
    bs.export(net, folder, "readmemh", layout=chip, state=start)
    assert bs.read_images(folder) == net
    np.testing.assert_array_equal(bs.read_state(folder)[net.output]["membrane"][0], v0)


def images_of_core(chip, vectors, folder):
    exported(chip, EVENTS[chip][0].network(vectors), vectors["v0"], folder)
    return getattr(chip_images, chip)(folder)


def images_of_ranc(vectors, folder):
    exported("ranc", ranc_adapter.network(vectors), vectors["v0"], folder)
    widths = {name: int(vectors[name]) for name in ranc_adapter.WIDTHS}
    return chip_images.ranc(folder, len(vectors["axon_type"]), widths)


@pytest.mark.parametrize(("chip", "path"), CASES)
def test_the_images_of_an_event_driven_core_hold_its_arrays(chip, path, tmp_path):
    vectors = load(path)
    facts = images_of_core(chip, vectors, tmp_path)
    for key, values in EVENTS[chip][0].facts(vectors).items():
        np.testing.assert_array_equal(facts[key], values, key)


@pytest.mark.parametrize(("chip", "path"), [CASES[0].values, CASES[7].values, CASES[-1].values, CASES[-5].values])
def test_the_images_of_an_event_driven_core_compute_what_was_recorded(chip, path, tmp_path):
    adapter, model = EVENTS[chip]
    vectors = load(path)
    membranes, wire, _ = model(images_of_core(chip, vectors, tmp_path)).run(adapter.events(vectors))
    np.testing.assert_array_equal(membranes, vectors["v"])
    np.testing.assert_array_equal(np.array(wire).reshape(-1, 2).T, [vectors["spk_event"], vectors["spk_addr"]])


@pytest.mark.parametrize("path", RANC, ids=lambda path: path.stem)
def test_the_images_of_a_core_of_ticks_hold_its_arrays_and_compute_what_was_recorded(path, tmp_path):
    vectors = load(path)
    facts, core = images_of_ranc(vectors, tmp_path), ranc_adapter.core(vectors)
    local = np.flatnonzero(vectors["local"])
    np.testing.assert_array_equal(np.take(facts["dest_axon"], local), vectors["dest_axon"][local])
    for key in core.keys() - {"dest_axon"}:  # of a neuron whose spikes leave the core, none is known
        np.testing.assert_array_equal(facts[key], core[key], key)
    if path in RANC[1::6]:
        found = Ranc(facts).run(ranc_adapter.arrivals(vectors), int(vectors["n_ticks"]))
        for name, values in ranc_adapter.expected(vectors).items():
            np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize(("file", "line"), [("neurons.mem", 7), ("synapses.mem", 8191)])
def test_a_changed_bit_of_an_image_would_be_noticed(file, line, tmp_path):
    vectors = load(files("odin", "run_*.npz", OWN)[0])
    images_of_core("odin", vectors, tmp_path)
    lines = (tmp_path / file).read_text().split("\n")
    lines[line] = f"{int(lines[line], 16) ^ 1 << (71 if file == 'neurons.mem' else 0):0{len(lines[line])}x}"
    (tmp_path / file).write_text("\n".join(lines))
    facts = chip_images.odin(tmp_path)
    assert any(not np.array_equal(facts[key], values) for key, values in odin_adapter.facts(vectors).items())
