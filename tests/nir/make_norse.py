"""Writes norse_*.nir with norse's exporter, and norse_*.npz with what it computes. See README.md."""

import nir
import norse.torch as norse
import numpy as np
import torch
from norse.torch.utils.export_nir import to_nir
from torch import nn

STEPS, SAMPLES, INPUTS, DT = 30, 3, 12, 1e-3


def box(size, tau_mem_inv, v_th):
    full = torch.full
    return norse.LIFBoxCell(
        norse.LIFBoxParameters(full((size,), tau_mem_inv), torch.zeros(size), full((size,), v_th)), dt=DT
    )


def current(size, tau_syn_inv, tau_mem_inv, v_th):
    full = torch.full
    return norse.LIFCell(norse.LIFParameters(full((size,), tau_syn_inv), full((size,), tau_mem_inv), torch.zeros(size),
                                             full((size,), v_th)), dt=DT)  # fmt: skip


def leaky():
    return norse.SequentialState(
        nn.Linear(INPUTS, 10, bias=False), box(10, 200.0, 0.2), nn.Linear(10, 4), box(4, 100.0, 0.1)
    )


def currents():
    return norse.SequentialState(nn.Linear(INPUTS, 10, bias=False), current(10, 200.0, 100.0, 0.2),
                                 nn.Linear(10, 4, bias=False), current(4, 250.0, 200.0, 1.0))  # fmt: skip


def write(name, net):
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.data *= 3
    spikes, state = (torch.rand(STEPS, SAMPLES, INPUTS) < 0.3).float(), None
    recorded = []
    for module in net.modules():
        if isinstance(module, (norse.LIFBoxCell, norse.LIFCell)):
            recorded.append([])
            module.register_forward_hook(lambda _, __, out, kept=recorded[-1]: kept.append(out[0]))
    with torch.no_grad():
        for step in spikes:
            _, state = net(step, state)
    arrays = {f"layer{i}": torch.stack(out, 1).numpy().astype(np.uint8) for i, out in enumerate(recorded)}
    print(name, {key: (array.shape, round(float(array.mean()), 3)) for key, array in arrays.items()})
    np.savez_compressed(f"norse_{name}.npz", input=spikes.numpy().transpose(1, 0, 2).astype(np.uint8), **arrays)
    nir.write(f"norse_{name}.nir", to_nir(net, torch.rand(1, INPUTS), dt=DT))


torch.manual_seed(0)
write("leaky", leaky())
write("currents", currents())
