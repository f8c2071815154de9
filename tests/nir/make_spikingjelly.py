"""Writes spikingjelly_*.nir with SpikingJelly's exporter, and .npz with what SpikingJelly computes. See README.md."""

import numpy as np
import torch
from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import nn

STEPS, SAMPLES = 30, 3


def mixed():
    return nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), neuron.IFNode(), nn.AvgPool2d(2), nn.Flatten(),
                         nn.Linear(27, 10, bias=False), neuron.LIFNode(tau=4.0, v_threshold=0.2),
                         nn.Linear(10, 4, bias=False),
                         neuron.LIFNode(tau=3.0, decay_input=False, v_threshold=0.5))  # fmt: skip


def currents():
    return nn.Sequential(nn.Linear(12, 16, bias=False), neuron.CUBALIFNode(c_decay=0.6, v_decay=0.8),
                         nn.Linear(16, 4, bias=False), neuron.CUBALIFNode(c_decay=0.5, v_decay=0.9))  # fmt: skip


def write(name, net, shape, gain):
    for parameter in net.parameters():
        parameter.data *= gain
    export_to_nir(net, torch.rand(1, *shape), save_path=f"spikingjelly_{name}.nir")
    functional.reset_net(net)
    spikes = (torch.rand(STEPS, SAMPLES, *shape) < 0.3).float()
    layers = [module for module in net.modules() if isinstance(module, neuron.BaseNode)]
    recorded = {index: [] for index in range(len(layers))}
    for index, layer in enumerate(layers):
        layer.register_forward_hook(lambda _, __, out, key=index: recorded[key].append(out))
    with torch.no_grad():
        for step in range(STEPS):
            net(spikes[step])
    arrays = {f"layer{key}": np.stack([out.numpy().reshape(SAMPLES, -1) for out in outs], 1).astype(np.uint8)
              for key, outs in recorded.items()}  # fmt: skip
    np.savez_compressed(
        f"spikingjelly_{name}.npz",
        input=spikes.numpy().reshape(STEPS, SAMPLES, -1).swapaxes(0, 1).astype(np.uint8),
        **arrays,
    )
    print(name, {key: round(float(array.mean()), 3) for key, array in arrays.items()})


torch.manual_seed(2)
write("mixed", mixed(), (1, 8, 8), 6.0)
write("currents", currents(), (12,), 1.5)
