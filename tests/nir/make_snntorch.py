"""Writes snntorch_*.nir with snnTorch's exporter, and .npz files with what snnTorch computes. See README.md."""

import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir

STEPS, SAMPLES = 40, 4


def leaky(size, beta=0.9, **options):
    return snn.Leaky(beta=beta * torch.ones(size), threshold=torch.ones(size), init_hidden=True, **options)


class Recurrent(torch.nn.Module):
    """12 inputs, 16 recurrent neurons with a current, 4 outputs."""

    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(12, 16)
        self.rec = snn.RSynaptic(alpha=0.7 * torch.ones(16), beta=0.85 * torch.ones(16), threshold=torch.ones(16),
                                 linear_features=16, init_hidden=True)  # fmt: skip
        self.fc2 = torch.nn.Linear(16, 4)
        self.out = leaky(4)

    def forward(self, x):
        return self.out(self.fc2(self.rec(self.fc1(x))))


def dense(**options):
    return torch.nn.Sequential(torch.nn.Linear(12, 20, bias=False), leaky(20, **options),
                               torch.nn.Linear(20, 4, bias=False), leaky(4, 0.8, **options))  # fmt: skip


def picture():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), leaky((4, 8, 8)), torch.nn.AvgPool2d(2),
                               torch.nn.Flatten(), torch.nn.Linear(64, 5), leaky(5))  # fmt: skip


def write(name, net, shape, gain):
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.data *= gain
    nir.write(f"snntorch_{name}.nir", export_to_nir(net, torch.rand(1, *shape), ignore_dims=[0]))
    spikes = (torch.rand(STEPS, SAMPLES, *shape) < 0.3).float()
    layers = [module for module in net.modules() if isinstance(module, snn.SpikingNeuron)]
    recorded = {f"layer{index}": [] for index in range(len(layers))}
    for index, layer in enumerate(layers):
        layer.register_forward_hook(lambda _, __, out, key=f"layer{index}": recorded[key].append(out))
    for layer in layers:
        layer.reset_hidden() if hasattr(layer, "reset_hidden") else None
        for state in ("mem", "syn", "spk"):
            if hasattr(layer, state):
                setattr(layer, state, torch.zeros(0))
    with torch.no_grad():
        for step in range(STEPS):
            net(spikes[step])
    arrays = {key: np.stack([out.numpy().reshape(SAMPLES, -1) for out in outs], 1).astype(np.uint8)
              for key, outs in recorded.items()}  # fmt: skip
    np.savez_compressed(f"snntorch_{name}.npz", input=spikes.numpy().reshape(STEPS, SAMPLES, -1).swapaxes(0, 1)
                        .astype(np.uint8), **arrays)  # fmt: skip
    print(name, {key: round(float(array.mean()), 3) for key, array in arrays.items()})


torch.manual_seed(0)
write("dense", dense(), (12,), 3.0)
write("recurrent", Recurrent(), (12,), 1.5)
write("zero", dense(reset_mechanism="zero"), (12,), 3.0)
write("picture", picture(), (1, 8, 8), 2.0)
