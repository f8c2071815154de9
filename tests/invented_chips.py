"""Three chips that nobody built, of features that no shipped profile combines; and random networks for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import bitspike as bs
import numpy as np
from bitspike.events import Events

TERNARY = """
schema: 1
name: invented-ternary
title: Two thresholds, a refractory countdown, synapses with delays
source: {kind: synthetic, name: bitspike, version: "1", note: Invented for a test.}
clock: step

values:
  membrane_width: {value: 9, min: 6, max: 12, note: Bits of the membrane.}

neurons:
  neuron:
    registers:
      arrived: s7.wrap
      membrane: s<membrane_width>.wrap
      waiting: u3.saturate
    parameters:
      keep: u5(0..16)
      vth: u6
      slope: u2
      refractory: u3
    derived:
      threshold: s12.refuse
      lower: s12.refuse
    prepare:
      - set: {into: threshold, value: vth}
      - shift: {into: threshold, by: slope}
      - set: {into: lower, value: -threshold}
      - add: {into: lower, terms: [-refractory]}
    step:
      - shrink: {into: waiting, by: 1}
      - scale: {into: membrane, of: membrane, factor: keep, shift: 4, rounding: zero}
      - add: {into: membrane, terms: [arrived], when: [waiting, "==", 0]}
      - set: {into: arrived, value: 0}
      - fire:
          branches:
            - when: [[waiting, "==", 0], [membrane, ">", threshold]]
              emit: 1
              repeat: 1
              do:
                - add: {into: membrane, terms: [-threshold]}
                - set: {into: waiting, value: refractory}
            - when: [[waiting, "==", 0], [membrane, "<", lower]]
              emit: -1
              repeat: 1
              do:
                - add: {into: membrane, terms: [threshold]}
                - set: {into: waiting, value: refractory}

connections:
  forward:
    from: [input, neuron]
    to: neuron
    into: [arrived]
    timing: same_step
    order: ascending
    fit_per: source
    cap: none
    weight: {word: s6, narrow: true, format: []}
    parameters: {}
    delay: {per: synapse, word: u2}
  feedback:
    from: [neuron]
    to: neuron
    into: [arrived]
    timing: next_step
    order: ascending
    fit_per: step
    sum:
      word: s10.wrap
      then:
        - shift: {into: sum, by: -divisor, rounding: floor}
        - clip: {into: sum, low: -bound, high: bound}
    cap: none
    weight: {word: s6, narrow: true, format: []}
    parameters: {divisor: u2, bound: u6}
    delay: {per: source, word: u3}

input: s2
limits: {}
quirks: {}
"""

SHARED_EXPONENT = """
schema: 1
name: invented-exponents
title: Weights under one exponent, 12 bits that saturate in order, signs of sources, graded spikes
source: {kind: synthetic, name: bitspike, version: "1", note: Invented for a test.}
clock: step

neurons:
  graded:
    registers:
      membrane: s12.saturate
      payload: u4.saturate
    parameters:
      leak: u8
      threshold: u11
    step:
      - shrink: {into: membrane, by: leak}
      - set: {into: payload, value: 0}
      - divide: {into: payload, of: membrane, by: 100, when: [membrane, ">=", threshold]}
      - fire:
          branches:
            - when: [[membrane, ">=", threshold], [payload, ">", 0]]
              emit: payload
              repeat: 1
              do:
                - set: {into: membrane, value: 0}

connections:
  dense:
    from: [input, graded]
    to: graded
    into: [membrane]
    timing: same_step
    order: ascending
    fit_per: source
    cap: none
    weight:
      word: u4
      narrow: false
      format:
        - shift: {into: weight, by: exponent, rounding: floor, word: u8.saturate}
        - set: {into: weight, value: -weight, when: [inhibitory, "==", 1], word: s9.refuse}
    parameters: {exponent: s4(-3..4)}
    source_parameters: {inhibitory: u1}
  picture:
    from: [input, graded]
    to: graded
    into: [membrane]
    timing: same_step
    order: ascending
    fit_per: source
    cap: none
    weight:
      word: u4
      narrow: false
      format:
        - shift: {into: weight, by: exponent, rounding: floor, word: u8.saturate}
        - set: {into: weight, value: -weight, when: [inhibitory, "==", 1], word: s9.refuse}
    parameters: {exponent: s4(-3..4)}
    source_parameters: {inhibitory: u1}
    kernel: correlation
  echo:
    from: [graded]
    to: graded
    into: [membrane]
    timing: next_step
    order: ascending
    fit_per: source
    cap: 3
    weight:
      word: s5
      narrow: false
      format:
        - scale: {into: weight, of: weight, factor: gain, shift: 2, rounding: zero, word: s8.saturate}
        - set: {into: weight, value: 0, when: [cut, "==", 1], word: s8.saturate}
    parameters: {gain: u4}
    synapse_parameters: {cut: u1}
    delay: {per: projection, word: u3}

input: s6
limits: {}
quirks: {}
"""

EVENT = """
schema: 1
name: invented-event
title: A threshold after every event, a multiplicative leak, a membrane that wraps
source: {kind: synthetic, name: bitspike, version: "1", note: Invented for a test.}
clock: event

values:
  open_loop: {value: 0, min: 0, max: 1, note: "1: spikes leave and are not queued."}

neurons:
  neuron:
    registers:
      membrane: s9.wrap
      spent: u4.wrap
    parameters:
      threshold: u8
      keep: u4
      muted: u1
    derived:
      reset: s9.refuse
    prepare:
      - set: {into: reset, value: -threshold}
      - shift: {into: reset, by: -2, rounding: zero}
    step:
      - fire:
          branches:
            - when: [membrane, ">", threshold]
              emit: 1
              repeat: 1
              do:
                - set: {into: membrane, value: reset}
                - add: {into: spent, terms: [1]}
            - when: [membrane, "<", reset*spent]
              emit: 0
              repeat: 1
              do:
                - set: {into: membrane, value: reset}
    output_unless: muted

connections:
  crossbar:
    from: [neuron]
    to: neuron
    into: [membrane]
    timing: same_step
    order: ascending
    fit_per: source
    cap: none
    weight:
      word: s4
      narrow: false
      format:
        - scale: {into: weight, of: weight, factor: gain, shift: 1, rounding: floor, word: s8.wrap}
    parameters: {}
    source_parameters: {gain: u5}

events:
  spike: {reaches: all, over: crossbar, queued: true, do: []}
  leak:
    reaches: all
    queued: false
    do:
      - scale: {into: membrane, of: membrane, factor: keep, shift: 4, rounding: floor}
  kick:
    reaches: one
    fields: {by: s9}
    queued: false
    do:
      - add: {into: membrane, terms: [by]}

queue: {event: spike, depth: 2, head_keeps_slot: false, when_full: drop, unless: open_loop, limit: 500}

limits: {}
quirks: {}
"""


@cache
def chip(text: str) -> bs.Profile:
    """The profile of a YAML text, checked as any other."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chip.yaml"
        path.write_text(text)
        return bs.load_profile(path)


def _delays(rng: np.random.Generator, shape: tuple[int, ...], most: int) -> np.ndarray:
    """Random ones, not all equal."""
    delays = rng.integers(0, most + 1, shape)
    delays.flat[:2] = 0, most
    return delays


def random_ternary(seed: int) -> bs.Network:
    """Layers a and b, b listed synapse by synapse, with itself and back to a over sums of earlier steps."""
    rng = np.random.default_rng(seed)
    inputs, a, b = (int(n) for n in rng.integers(2, 6, 3))

    def layer(name: str, size: int) -> bs.Population:
        highest = {"keep": 17, "vth": 24, "slope": 3, "refractory": 3}
        return bs.Population(name, size, {key: rng.integers(0, high, size) for key, high in highest.items()})

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-31, 32, shape)

    def feedback(target: str, size: int) -> bs.Projection:
        parameters = {"divisor": int(rng.integers(0, 4)), "bound": int(rng.choice([5, 63]))}
        return bs.Projection("b", target, weights(b, size), "feedback", parameters, delays=_delays(rng, (b,), 7))

    pre, post = np.divmod(rng.permutation(a * b)[: 1 + a * b // 2], b)
    return bs.Network(
        chip(TERNARY).with_values(membrane_width=int(rng.choice([6, 9]))),
        inputs,
        [layer("a", a), layer("b", b)],
        [
            bs.Projection("input", "a", weights(inputs, a), "forward", delays=_delays(rng, (inputs, a), 3)),
            bs.Projection(
                "a", "b", weights(len(pre)), "forward", {}, bs.Sparse(pre, post), _delays(rng, (len(pre),), 3)
            ),
            feedback("a", a),
            feedback("b", b),
        ],
    )


def random_exponents(seed: int) -> bs.Network:
    """A convolution, sums over its windows and a dense layer, which comes back to itself and to the convolution.

    The kernels of an even seed are flipped by the chip.
    """
    rng = np.random.default_rng(seed)
    groups, kernel = int(rng.integers(1, 3)), tuple(int(n) for n in rng.integers(1, 4, 2))
    picture = (2, *(int(n) for n in rng.integers(4, 7, 2)))
    step, padding, dilation = (tuple(int(n) for n in rng.integers(low, low + 2, 2)) for low in (1, 0, 1))
    kernels = rng.integers(0, 16, (2, 2 // groups, *kernel))
    convolution = bs.Convolution(picture, step, padding, (1, dilation[1] if kernel[1] < 3 else 1), groups)
    convolved = tuple(map(int, convolution.output_shape(kernels.shape)))
    pooling = bs.Pooling(convolved, (1, min(2, convolved[2])))
    pooled = tuple(map(int, pooling.output_shape()))
    sizes = [int(np.prod(shape)) for shape in (picture, convolved, pooled)] + [int(rng.integers(2, 5))]

    def signs(size: int) -> dict[str, object]:
        return {"exponent": int(rng.integers(-3, 5)), "inhibitory": rng.integers(0, 2, size)}

    def echo(target: str, size: int) -> bs.Projection:
        parameters = {"gain": int(rng.integers(0, 16)), "cut": rng.integers(0, 2, (sizes[3], size))}
        weights = rng.integers(-16, 16, (sizes[3], size))
        return bs.Projection("dense", target, weights, "echo", parameters, delays=int(rng.integers(0, 8)))

    layers = [
        bs.Population(
            name, size, {"leak": rng.integers(0, 256, size), "threshold": rng.choice([0, 100, 500, 2047], size)}
        )
        for name, size in zip(("convolved", "pooled", "dense"), sizes[1:], strict=True)
    ]
    links = [
        bs.Projection("input", "convolved", kernels, "picture", signs(sizes[0]), convolution),
        bs.Projection("convolved", "pooled", int(rng.integers(1, 16)), "picture", signs(sizes[1]), pooling),
        bs.Projection("pooled", "dense", rng.integers(0, 16, sizes[2:]), "dense", signs(sizes[2])),
        echo("convolved", sizes[1]),
        echo("dense", sizes[3]),
    ]
    text = SHARED_EXPONENT if seed % 2 else SHARED_EXPONENT.replace("correlation", "convolution")
    return bs.Network(chip(text), sizes[0], layers, links)


def random_event(seed: int) -> bs.Network:
    """A core of up to 9 neurons, in a closed loop or an open one."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 10))
    parameters = {
        "threshold": rng.choice([0, 3, 40, 255], size),
        "keep": rng.integers(0, 16, size),
        "muted": rng.integers(0, 2, size),
    }
    links = [
        bs.Projection(
            "core", "core", rng.integers(-8, 8, (size, size)), "crossbar", {"gain": rng.integers(0, 32, size)}
        )
    ]
    profile = chip(EVENT).with_values(open_loop=int(rng.integers(0, 2)))
    return bs.Network(profile, size, [bs.Population("core", size, parameters)], links)


def random_graded(network: bs.Network, seed: int, samples: int = 2, steps: int = 8) -> np.ndarray:
    """Whatever the input word holds, often nothing: [sample, step, input]."""
    rng, word = np.random.default_rng(seed), network.input_word
    shape = (samples, steps, network.inputs)
    return rng.integers(word.min, word.max + 1, shape) * (rng.random(shape) < 0.6)


def random_events(network: bs.Network, seed: int, length: int = 25) -> Events:
    """Events of every kind."""
    rng, size = np.random.default_rng(seed), network.inputs
    kinds = {
        "spike": lambda: {"source": int(rng.integers(size))},
        "leak": dict,
        "kick": lambda: {"neuron": int(rng.integers(size)), "by": int(rng.integers(-256, 256))},
    }
    chosen = rng.choice(list(kinds), length, p=[0.5, 0.2, 0.3]).tolist()
    return Events.of([{"kind": kind, **kinds[kind]()} for kind in chosen])
