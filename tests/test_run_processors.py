"""Kernels for other processors than this one, with other registers and instructions, give the same bits."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import host, listing, matrix, prepare, sweep
from bitspike.engine.kernel import kernel_key
from builders import GENERIC, edited, generic
from engines import assert_equal_to_arrays

NEON, AVX2, AVX512 = 16 * 16, 16 * 32, 32 * 64  # bytes of vector registers


@pytest.fixture(params=[(NEON, False), (AVX2, False), (AVX512, True)], ids=["NEON", "AVX2", "AVX-512"])
def processor(request, monkeypatch):
    """Kernels are made for it, of instructions that this one has."""
    registers, packs = request.param
    monkeypatch.setattr(matrix, "vector_registers", lambda: registers)
    for module in (listing, sweep):
        monkeypatch.setattr(module, "packs", lambda: packs)
    monkeypatch.setattr(prepare, "kernel_key", lambda *which: f"{request.param}\n{kernel_key(*which)}")


@pytest.mark.parametrize("neurons", [1, 64, 100, 288, 544])
@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])  # of 64 sources no more, and more, than are listed at once
def test_dense_weights(processor, neurons, density):
    rng = np.random.default_rng(neurons)
    weights = rng.integers(-128, 128, (200, neurons))
    spikes = (rng.random((2, 5, 200)) < density) * rng.integers(1, 3, (2, 5, 200), dtype=np.uint8)
    assert_equal_to_arrays(generic(weights, threshold=200), spikes.astype(np.uint8))
    assert_equal_to_arrays(generic(weights, threshold=200), spikes.astype(bool).astype(np.uint8))


@pytest.mark.parametrize("planes", [3, 8, 16, 27])
def test_convolutions(processor, planes):
    rng = np.random.default_rng(planes)
    shape = bs.Convolution((planes, 6, 7), 1, (0, 1))
    kernels = rng.integers(-128, 128, (40, planes, 3, 2))
    before, size = planes * 6 * 7, int(np.prod(shape.output_shape(kernels.shape)))
    layers = [
        bs.Population("a", before, {"threshold": 60, "leak": 3}),
        bs.Population("b", size, {"threshold": 300, "leak": 3}),
    ]
    one = 100 * np.eye(planes, dtype=int)[..., None, None]
    links = [
        bs.Projection("input", "a", one, "forward", shape=bs.Convolution(shape.input_shape)),
        bs.Projection("a", "b", kernels, "forward", shape=shape),
    ]
    profile = edited(GENERIC, ("connections.forward.kernel", "correlation"))
    network = bs.Network(profile, before, layers, links, limits=False)
    assert_equal_to_arrays(network, (rng.random((2, 4, before)) < 0.7).astype(np.uint8))


def test_this_processor_has_one_of_these_kinds_of_registers():
    assert host.vector_registers() in (NEON, AVX2, AVX512, 32 * 16)
    assert not host.packs() or host.vector_registers() == AVX512


@pytest.mark.parametrize(("told", "found"), [("1280K\n", 1280 << 10), ("2M\n", 1 << 20), (None, 1 << 20)])
def test_a_core_s_cache_is_as_large_as_the_system_says_or_as_usual(monkeypatch, told, found):
    def read(path):
        if told is None:
            raise FileNotFoundError(path)
        return told

    monkeypatch.setattr(host.Path, "read_text", read)
    assert host.core_cache.__wrapped__() == found
