"""Networks of the recorded runs as C equal the engine, at rest and from registers anywhere in their words."""

import brian2_adapter
import lava_adapter
import nengo_adapter
import numpy as np
import pytest
import ranc_adapter
import speck_adapter
import spiker_adapter
from c_programs import assert_equal, needs_gcc, random_state
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
