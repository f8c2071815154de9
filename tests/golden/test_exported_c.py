"""Networks of the recorded runs as C equal the engine, at rest and from registers anywhere in their words."""

import bitspike as bs
import brian2_adapter
import lava_adapter
import nengo_adapter
import numpy as np
import odin_adapter
import pytest
import ranc_adapter
import speck_adapter
import spiker_adapter
import tinyodin_adapter
from bitspike.events import Events
from c_programs import assert_equal, assert_events_equal, needs_gcc, random_state
from vectors import OWN, files, load

ADAPTERS = {
    "loihi-brian2": brian2_adapter,
    "loihi-lava": lava_adapter,
    "loihi-nengo": nengo_adapter,
    "ranc": ranc_adapter,
    "speck": speck_adapter,
    "spiker": spiker_adapter,
}
CASES = [
    pytest.param(chip, path, id=f"{chip}-{path.stem}")
    for chip in ADAPTERS
    for path in sorted(files(chip, folder=OWN), key=lambda path: path.stat().st_size)[:2]
]


@needs_gcc
@pytest.mark.parametrize(("chip", "path"), CASES)
def test_recorded_networks_as_c_equal_the_engine(chip, path, tmp_path):
    network = ADAPTERS[chip].network(load(path))
    rng, word = np.random.default_rng(1), network.input_word
    spikes = rng.integers(max(word.min, -3), min(word.max, 3), (2, 6, network.inputs), endpoint=True)
    spikes *= rng.random(spikes.shape) < 0.4
    assert_equal(network, tmp_path, spikes)
    assert_equal(network, tmp_path, spikes, random_state(network, rng))


CORES = {"odin": odin_adapter, "tinyodin": tinyodin_adapter}
STREAMS = [  # many spikes, and those where the queue is full
    *(("odin", f"run_{number:02}") for number in (1, 9, 13, 24)),
    *(("tinyodin", f"run_{number:02}") for number in (3, 12, 15, 27)),
]


@needs_gcc
@pytest.mark.parametrize(("chip", "stem"), STREAMS)
def test_recorded_streams_as_c_equal_the_engine(chip, stem, tmp_path):
    vectors, adapter = load(OWN / chip / f"{stem}.npz"), CORES[chip]
    network = adapter.network(vectors)
    state = bs.initial_state(network)
    state["core"]["membrane"][0] = vectors["v0"]
    trace = assert_events_equal(network, tmp_path, Events.of(adapter.events(vectors)), state)
    assert np.array_equal(trace["core"].registers["membrane"][0], vectors["v"])
