"""Writes sinabs_*.nir with sinabs' exporter, and sinabs_*.npz with what it computes. See README.md."""

import nir
import numpy as np
import sinabs.layers as sl
import torch
from sinabs.nir import to_nir
from torch import nn

STEPS, SAMPLES = 30, 3


def pictures():
    return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), sl.IAFSqueeze(batch_size=SAMPLES), sl.SumPool2d(2),
                         nn.Conv2d(6, 4, 3), sl.IAFSqueeze(batch_size=SAMPLES), nn.Flatten(),
                         nn.Linear(16, 5), sl.IAFSqueeze(batch_size=SAMPLES))  # fmt: skip


def leaky():
    """Its last layer never spikes: what it puts out is its membrane."""
    return nn.Sequential(nn.Linear(12, 16), sl.LIFSqueeze(tau_mem=20 * torch.ones(16), batch_size=SAMPLES,
                         spike_threshold=torch.ones(16) * 0.2), nn.Linear(16, 3, bias=False),
                         sl.ExpLeakSqueeze(tau_mem=30 * torch.ones(3), batch_size=SAMPLES))  # fmt: skip


def write(name, net, shape, gain):
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.data *= gain
    spikes = (torch.rand(SAMPLES, STEPS, *shape) < 0.3).float()
    recorded = []
    for layer in net.modules():
        if isinstance(layer, sl.StatefulLayer):
            layer.register_forward_hook(lambda _, __, out: recorded.append(out))
    with torch.no_grad():
        net(spikes.reshape(-1, *shape))
    arrays = {f"layer{i}": out.numpy().reshape(SAMPLES, STEPS, -1) for i, out in enumerate(recorded)}
    arrays = {key: out.astype(np.uint8) if np.array_equal(out, out.astype(np.uint8)) else out.astype(np.float32)
              for key, out in arrays.items()}  # fmt: skip
    np.savez_compressed(
        f"sinabs_{name}.npz", input=spikes.numpy().reshape(SAMPLES, STEPS, -1).astype(np.uint8), **arrays
    )
    print(name, {key: round(float(array.mean()), 3) for key, array in arrays.items()})
    for layer in net.modules():
        if isinstance(layer, sl.StatefulLayer):
            layer.reset_states()
    nir.write(f"sinabs_{name}.nir", to_nir(net, torch.rand(SAMPLES, *shape)))


torch.manual_seed(1)
write("pictures", pictures(), (2, 8, 8), 2.5)
write("leaky", leaky(), (12,), 4.0)
