"""Writes rockpool_dense.nir with Rockpool's exporter, and rockpool_dense.npz with what it computes. See README.md."""

import nir
import numpy as np
import torch
from rockpool.nn.combinators import Sequential
from rockpool.nn.modules import LIFTorch, LinearTorch
from rockpool.nn.modules.torch.nir import to_nir

STEPS, SAMPLES, INPUTS = 30, 3, 12


def spiking(size, tau_mem, tau_syn):
    return LIFTorch(size, tau_mem=tau_mem, tau_syn=tau_syn, threshold=1.0, dt=1e-3)


torch.manual_seed(0)
net = Sequential(LinearTorch((INPUTS, 10)), spiking(10, 0.02, 0.01), LinearTorch((10, 4)), spiking(4, 0.005, 0.002))
for module in net.modules().values():
    if isinstance(module, LinearTorch):
        module.weight.data *= 0.3
spikes = (torch.rand(SAMPLES, STEPS, INPUTS) < 0.3).float()
recorded, value = [], spikes
with torch.no_grad():
    for module in net.modules().values():
        value, _, _ = module(value)
        if isinstance(module, LIFTorch):
            recorded.append(value.numpy().astype(np.uint8))
print([(each.shape, round(float(each.mean()), 3), each.max()) for each in recorded])
arrays = {f"layer{i}": each for i, each in enumerate(recorded)}
np.savez_compressed("rockpool_dense.npz", input=spikes.numpy().astype(np.uint8), **arrays)
nir.write("rockpool_dense.nir", to_nir(net, torch.rand(1, INPUTS)))
