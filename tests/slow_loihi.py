"""Layers as Lava, brian2-loihi and nengo-loihi compute them, in plain integers. Imports nothing from bitspike."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import product

MIXED, EXCITATORY, INHIBITORY = 1, 2, 3  # sign mode 0 counts as excitatory, -1 is found from the weights
TURN = 1 << 24


def wrap(value, bits):
    """Two's complement of `bits` bits."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def between(low, value, high):
    return min(max(value, low), high)


def shifted(value, exponent):
    """Times a power of two, the fraction floored."""
    return value << exponent if exponent >= 0 else value >> -exponent


def kept(value, loss):
    """What is left of `value` after a loss of loss / 4096, without its fraction."""
    product = value * (4096 - loss)
    return product // 4096 if product >= 0 else -(-product // 4096)


class Mail:
    """What arrives, by step and neuron."""

    def __init__(self, neurons):
        self.steps = defaultdict(lambda: [0] * neurons)

    def post(self, step, values):
        self.steps[step] = [old + new for old, new in zip(self.steps[step], values, strict=True)]

    def arrived(self, step):
        return self.steps[step]


# Lava


@dataclass
class Dense:
    """Weights [post][pre] as given, and delays likewise. What one step sends is shifted once for every delay."""

    weights: list
    exponent: int = 0
    bits: int = 8
    sign_mode: int = -1
    graded: bool = False
    delays: list | None = None
    mail: Mail = field(init=False)

    def __post_init__(self):
        self.formatted = lava_weights(self.weights, self.sign_mode, self.bits)
        self.delays = self.delays or [[0] * len(row) for row in self.weights]
        self.mail = Mail(len(self.weights))

    def send(self, step, spikes):
        values = spikes if self.graded else [int(spike != 0) for spike in spikes]
        for delay in {delay for row in self.delays for delay in row}:
            sums = [
                sum(w * value for w, d, value in zip(row, delays, values, strict=True) if d == delay)
                for row, delays in zip(self.formatted, self.delays, strict=True)
            ]
            self.mail.post(step + 1 + delay, [shifted(total, self.exponent) for total in sums])


def lava_weights(weights, sign_mode, bits):
    """Clipped to what the sign mode holds, and floored to the grid of `bits` bits; inhibitory ones by magnitude."""
    least, most = min(map(min, weights)), max(map(max, weights))
    if sign_mode == -1:
        sign_mode = EXCITATORY if least >= 0 else INHIBITORY if most <= 0 else MIXED
    mixed, sign = sign_mode == MIXED, -1 if sign_mode == INHIBITORY else 1
    grid = 1 << (8 - bits + mixed)
    low = -256 if mixed else 0
    return [[sign * (between(low, sign * w, 255) // grid * grid) for w in row] for row in weights]


@dataclass
class Conv:
    """Kernels [out][x][y][in of the group] over a picture [x][y][channel], flattened; the kernels are mirrored."""

    kernels: list
    input_shape: tuple
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)
    groups: int = 1
    graded: bool = False
    mail: Mail = field(init=False)

    def __post_init__(self):
        sides = zip(self.input_shape, self.padding, self.dilation, self.size(), self.stride, strict=False)
        self.output = [(n + 2 * pad - dilation * (k - 1) - 1) // stride + 1 for n, pad, dilation, k, stride in sides]
        self.mail = Mail(self.output[0] * self.output[1] * len(self.kernels))

    def size(self):
        return len(self.kernels[0]), len(self.kernels[0][0])

    def send(self, step, spikes):
        values = spikes if self.graded else [int(spike != 0) for spike in spikes]
        places = product(range(self.output[0]), range(self.output[1]), range(len(self.kernels)))
        self.mail.post(step + 1, [wrap(self.window(values, *place), 24) for place in places])

    def window(self, values, x, y, out):
        width, height, channels = self.input_shape
        columns, rows = self.size()
        first = out // (len(self.kernels) // self.groups) * (channels // self.groups)
        total = 0
        for i, j in product(range(columns), range(rows)):
            at_x = x * self.stride[0] - self.padding[0] + i * self.dilation[0]
            at_y = y * self.stride[1] - self.padding[1] + j * self.dilation[1]
            if 0 <= at_x < width and 0 <= at_y < height:
                pixel = (at_x * height + at_y) * channels + first
                weights = self.kernels[out][columns - 1 - i][rows - 1 - j]
                total += sum(w * values[pixel + c] for c, w in enumerate(weights))
        return total


@dataclass
class LavaLayer:
    """Thresholds are mantissas; biases [neuron] are (mantissa, exponent); `interval` 0 never resets."""

    synapses: Dense | Conv
    du: int
    dv: int
    threshold: int
    bias: list
    u: list
    v: list
    lower: int | None = None
    interval: int = 0
    offset: int = 0
    recurrent: Dense | None = None

    def step(self, t):
        """The activations from the layer before, and the spikes."""
        if self.interval and (t + 1) % self.interval == self.offset % self.interval:
            self.u, self.v = [0] * len(self.u), [0] * len(self.v)
        activations = self.synapses.mail.arrived(t)
        returned = self.recurrent.mail.arrived(t) if self.recurrent else [0] * len(self.u)
        return activations, [self.neuron(n, a + r) for n, (a, r) in enumerate(zip(activations, returned, strict=True))]

    def neuron(self, n, activation):
        mantissa, exponent = self.bias[n]
        u = wrap(kept(self.u[n], wrap(self.du + 1, 16)) + (wrap(activation, 32) << 6), 32)
        u = u - TURN if u > TURN // 2 else u + TURN if u <= -TURN // 2 else u
        v = wrap(kept(self.v[n], self.dv) + u + shifted(mantissa, exponent), 32)
        v = between(1 - TURN // 2, v, TURN // 2 - 1)
        below = self.lower is not None and v < self.lower << 6
        spike = 1 if v > self.threshold << 6 else -1 if below else 0
        self.u[n], self.v[n] = u, 0 if spike else v
        return spike

    def send(self, step, spikes):
        if self.recurrent:
            self.recurrent.send(step, spikes)


def run_lava(layers, inputs):
    """`a`, `u`, `v` and `s` [step][neuron] of every layer; inputs [step][channel], pictures flattened."""
    recorded = [defaultdict(list) for _ in layers]
    for t, spikes in enumerate(inputs):
        for layer, record in zip(layers, recorded, strict=True):
            activations, sent = layer.step(t)
            layer.synapses.send(t, spikes)
            layer.send(t, sent)
            for key, values in {"a": activations, "u": layer.u, "v": layer.v, "s": sent}.items():
                record[key].append(list(values))
            spikes = sent
    return recorded


# brian2-loihi


@dataclass
class BrianLayer:
    """Weight mantissas [post][pre]; `lag` is 0 where the spikes come from outside, 1 where from neurons."""

    weights: list
    exponent: int
    bits: int
    sign_mode: int
    delay: int
    decay_u: int
    decay_v: int
    threshold: int
    refractory: int
    u: list
    v: list
    lag: int

    def __post_init__(self):
        self.actual = [[self.actual_weight(w) for w in row] for row in self.weights]
        self.mail = Mail(len(self.weights))
        self.ready = [0] * len(self.weights)  # the first step in which each neuron integrates again

    def actual_weight(self, mantissa):
        grid = 1 << (8 - self.bits + (self.sign_mode == MIXED))
        truncated = abs(mantissa) // grid * grid * (1 if mantissa >= 0 else -1)
        return between(-((1 << 21) - 64), shifted(truncated, self.exponent) << 6, (1 << 21) - 64)

    def send(self, step, spikes):
        sums = [sum(w * spike for w, spike in zip(row, spikes, strict=True)) for row in self.actual]
        self.mail.post(step + self.lag + self.delay, sums)

    def step(self, t):
        """The currents before their decay, and the spikes."""
        currents = [u + arrived for u, arrived in zip(self.u, self.mail.arrived(t), strict=True)]
        self.u = [kept(current, self.decay_u) for current in currents]
        return currents, [self.neuron(n, t, current) for n, current in enumerate(currents)]

    def neuron(self, n, t, current):
        if t < self.ready[n]:
            return 0
        self.v[n] = kept(self.v[n], self.decay_v) + current
        if self.v[n] <= self.threshold << 6:
            return 0
        self.v[n], self.ready[n] = 0, t + self.refractory
        return 1


def run_brian2(layers, inputs):
    """`u`, `v` and `s` [step][neuron] of every layer; inputs [step][channel]."""
    recorded = [defaultdict(list) for _ in layers]
    for t, spikes in enumerate(inputs):
        layers[0].send(t, spikes)
        for k, layer in enumerate(layers):
            currents, sent = layer.step(t)
            if k + 1 < len(layers):
                layers[k + 1].send(t, sent)
            for key, values in {"u": currents, "v": layer.v, "s": sent}.items():
                recorded[k][key].append(list(values))
    return recorded


# nengo-loihi


@dataclass
class NengoLayer:
    """Weights [pre][post] as they are added; parameters [neuron], thresholds and biases already shifted."""

    weights: list
    decay_u: list
    decay_v: list
    threshold: list
    bias: list
    refractory: list
    lowest: int
    highest: int
    u: list
    v: list

    def __post_init__(self):
        self.waits = [0] * len(self.threshold)

    def step(self, spikes):
        """The spikes, from those that reached the layer."""
        return [
            self.neuron(n, sum(row[n] * spike for row, spike in zip(self.weights, spikes, strict=True)))
            for n in range(len(self.threshold))
        ]

    def neuron(self, n, arrived):
        self.u[n] = wrap(kept(self.u[n], self.decay_u[n] + 1) + wrap(arrived, 22), 24)
        v = kept(self.v[n], self.decay_v[n]) + wrap(self.u[n] + self.bias[n], 24)
        v = 0 if self.waits[n] else between(self.lowest, v, self.highest)
        spike = v > self.threshold[n]
        self.v[n] = 0 if spike else v
        self.waits[n] = max(0, (self.refractory[n] if spike else self.waits[n]) - 1)
        return int(spike)


def run_nengo(layers, inputs):
    """`u`, `v` and `s` [step][neuron] of every layer; inputs [step][channel]."""
    recorded = [defaultdict(list) for _ in layers]
    before = [[0] * len(layer.weights) for layer in layers]
    for spikes in inputs:
        sent = [layer.step(arriving) for layer, arriving in zip(layers, before, strict=True)]
        for layer, record, spiked in zip(layers, recorded, sent, strict=True):
            for key, values in {"u": layer.u, "v": layer.v, "s": spiked}.items():
                record[key].append(list(values))
        before = [spikes, *sent[:-1]]
    return recorded
