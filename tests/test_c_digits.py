"""C equals the engine on a whole test set: every output spike of all 597 digits."""

from __future__ import annotations

import subprocess

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC
from c_programs import needs_gcc

MAIN = """#include <stdio.h>
#include "net.h"
static net_state state;
int main(void) {
    static uint8_t input[STEPS][64];
    size_t step;
    while (fread(input, sizeof input, 1, stdin) == 1) {
        net_reset(&state);
        for (step = 0; step < STEPS; step++) {
            if (net_step(&state, input[step])) return 1;
            fwrite(state.output.spikes[state.output.row], sizeof state.output.spikes[0], 1, stdout);
        }
    }
    return 0;
}
"""


@needs_gcc
def test_random_weights_on_the_digits_equal_the_engine(tmp_path):
    pytest.importorskip("sklearn")
    from bitspike.training.data import load_data
    from bitspike.training.encoding import Rate, encode

    rng = np.random.default_rng(0)
    data = load_data("digits")
    spikes = encode(data.test, Rate(kind="rate", steps=20), data.top)
    layers = [
        bs.Population("hidden", 63, {"threshold": 300, "leak": 3}),
        bs.Population("output", 10, {"threshold": 200, "leak": 2}),
    ]
    links = [
        bs.Projection("input", "hidden", rng.integers(-60, 80, (64, 63)), "forward"),
        bs.Projection("hidden", "output", rng.integers(-60, 80, (63, 10)), "forward"),
    ]
    network = bs.Network(bs.load_profile(GENERIC), 64, layers, links)
    bs.export(network, tmp_path / "net", format="c")
    (tmp_path / "net" / "main.c").write_text(MAIN.replace("STEPS", "20"))
    built = ["gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o", "run", "net.c", "main.c"]
    subprocess.run(built, cwd=tmp_path / "net", check=True)
    ran = subprocess.run([tmp_path / "net" / "run"], input=spikes.tobytes(), capture_output=True, check=True)
    wanted = bs.run(network, spikes)["output"].spikes
    found = np.frombuffer(ran.stdout, wanted.dtype).reshape(wanted.shape)
    assert len(spikes) == 597
    assert wanted.mean() > 0.01
    np.testing.assert_array_equal(found, wanted)
