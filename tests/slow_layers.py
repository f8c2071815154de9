"""Layers of an event-driven chip in plain Python, each with neurons and synapses of its own: nothing knows an address.

Spikes of all layers wait in one queue, in the order in which they left; a spike reaches the layers that its own layer
has synapses to, in the order of the layers. Nothing is shared with bitspike, nor with the model of one core.
"""

from __future__ import annotations

from collections import deque


def clip(value, low, high):
    return max(low, min(high, value))


class Layers:
    """layers: {name: {'threshold': [...], 'leak': [...]}}; links: {(source, target): weights [pre][post]}.

    low, high: the range of a membrane; leak towards zero.
    """

    def __init__(self, layers, links, low, high):
        self.layers, self.links, self.low, self.high = layers, links, low, high
        self.v = {name: [0] * len(layer["threshold"]) for name, layer in layers.items()}
        self.queue, self.wire = deque(), []

    def spike(self, source, index):
        """One spike of a layer or of the input, and all that follow from it."""
        self.queue.append((source, index))
        self.drain()

    def reference(self):
        """A time reference: every neuron leaks."""
        for name, layer in self.layers.items():
            for n, leak in enumerate(layer["leak"]):
                v = self.v[name][n]
                self.update(name, n, min(v + leak, 0) if v < 0 else max(v - leak, 0))
        self.drain()

    def drain(self):
        while self.queue:
            source, index = self.queue.popleft()
            for name in self.layers:
                for n, weight in enumerate(self.links.get((source, name), {index: []})[index]):
                    self.update(name, n, clip(self.v[name][n] + weight, self.low, self.high))

    def update(self, name, n, value):
        fires = value >= self.layers[name]["threshold"][n]
        self.v[name][n] = 0 if fires else value
        if fires:
            self.wire.append((name, n))
            self.queue.append((name, n))
