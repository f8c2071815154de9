"""Small networks under the profiles that follow one chip in several ways."""

import bitspike as bs
import numpy as np

LAVA, NENGO, BRIAN2 = (bs.load_profile(f"loihi-{name}") for name in ("lava", "nengo", "brian2"))

LAYER = {
    LAVA.name: {
        "du": 400, "dv": 300, "vth": 20, "bias_mant": 0, "bias_exp": 0,
        "ternary": 0, "vth_low": 0, "reset_interval": 0, "reset_phase": 0,
    },
    NENGO.name: {
        "decay_u": 400, "decay_v": 300, "vth": 1280, "bias": 0,
        "refractory": 1, "vmin": -8388607, "vmax": 8388607,
    },
    BRIAN2.name: {"decay_current": 401, "decay_membrane": 300, "vth": 20, "refractory": 1},
}  # fmt: skip
LINK = {
    LAVA.name: {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": -1},
    NENGO.name: {},
    BRIAN2.name: {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 2},
}
VIA = {LAVA.name: "dense", NENGO.name: "synapses", BRIAN2.name: "external"}


def layer(profile, name="a", size=1, **parameters):
    return bs.Population(name, size, LAYER[profile.name] | parameters)


def link(profile, source, target, weights, *, via=None, shape=None, delays=0, **parameters):
    via = via or VIA[profile.name]
    return bs.Projection(source, target, weights, via, LINK[profile.name] | parameters, shape, delays)


def one_layer(profile, weights=None, *, delays=0, link_parameters=None, **parameters):
    """Layer 'a' behind the input, weights [input, neuron]; by default one of 2, 128 in the unit of the membrane."""
    weights = np.asarray([[128 if profile.name == NENGO.name else 2]] if weights is None else weights)
    population = layer(profile, "a", weights.shape[1], **parameters)
    projection = link(profile, "input", "a", weights, delays=delays, **(link_parameters or {}))
    return bs.Network(profile, len(weights), [population], [projection])


def random_lava(seed):
    """Two layers whose weights and parameters every profile can say, as the rebinding would choose them."""
    rng = np.random.default_rng(seed)
    inputs, a, b = (int(size) for size in rng.integers(2, 5, 3))

    def population(name, size):
        values = {
            "du": rng.integers(0, 4096, size),
            "dv": rng.integers(0, 4097, size),
            "vth": rng.integers(1, 100, size),
        }
        return layer(LAVA, name, size, **values)

    def weights(pre, post):
        mixed = rng.integers(-128, 128, (pre, post)) * 2
        mixed[0, 0], mixed[-1, -1] = -2, 254
        return mixed

    return bs.Network(
        LAVA,
        inputs,
        [population("a", a), population("b", b)],
        [
            link(LAVA, "input", "a", weights(inputs, a), delays=rng.integers(0, 3, (inputs, a))),
            link(LAVA, "a", "b", weights(a, b), delays=1),
        ],
        limits=False,
    )


def undelayed(network):
    """The same network without delays."""
    links = [bs.Projection(p.source, p.target, p.weights, p.via, p.parameters, p.shape, 0) for p in network.projections]
    return bs.Network(network.profile, network.inputs, network.populations, links, limits=False)


def wrapping():
    """Spikes that together pass 22 bits in step 1, from 5 sources on, at neuron 1: nengo wraps, lava does not."""
    weights = np.full((8, 2), 254)
    weights[3:, 0] = 0
    return one_layer(LAVA, weights, du=4095, vth=100000, link_parameters={"weight_exp": 5})


ALL_SPIKE = np.ones((1, 4, 8), np.uint8)
