"""The compiled engine held against the NumPy engine, which shares no machine code with it."""

import bitspike as bs
import numpy as np


def assert_equal_to_arrays(network, spikes, golden=None, **options):
    """Every spike, register, overflow count and what is kept after a run; returns the compiled engine's trace.

    golden: the NumPy engine's trace, where the caller has one.
    """
    found = bs.run(network, spikes, record="all", **options)
    golden = golden or bs.run(network, spikes, record="all", engine="array", state=options.get("state"))
    bs.compare(found, golden).check()
    assert found.overflows == golden.overflows
    assert_same_state(found.state, golden.state)
    return found


def assert_same_state(found, golden):
    for name, registers in golden.items():
        for register, values in registers.items():
            np.testing.assert_array_equal(found[name][register], values, f"{name}.{register}")
