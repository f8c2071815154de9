"""Small event-driven cores for the tests."""

import bitspike as bs
import numpy as np
from bitspike.events import Events
from builders import edited

ENGINES = ["compiled", "oracle"]


def core(weights, threshold=100, leak=0, disabled=0, queue=None, **values):
    """A core 'core' of signed neurons; weights [source, neuron], None: no synapses. `queue`: keys that differ."""
    changes = [(f"queue.{key}", value) for key, value in (queue or {}).items()]
    changes += [(f"values.{key}.value", value) for key, value in values.items()]
    profile = edited("tinyodin", *changes)
    size = np.size(threshold) if weights is None else len(weights)
    population = bs.Population("core", size, {"threshold": threshold, "leak": leak, "disabled": disabled})
    links = [] if weights is None else [bs.Projection("core", "core", weights)]
    return bs.Network(profile, size, [population], links)


def spike(source):
    return {"kind": "spike", "source": source}


def virtual(neuron, weight):
    return {"kind": "virtual", "neuron": neuron, "weight_in": weight}


REFERENCE = {"kind": "reference"}


def reference(neuron):
    return {"kind": "reference_one", "neuron": neuron}


def start(net, membrane):
    """A state whose membranes are these."""
    state = bs.initial_state(net)
    state["core"]["membrane"][0] = membrane
    return state


def run(net, events, engine="compiled", membrane=0):
    """One sample, everything recorded."""
    return bs.run(net, Events.of(events), record="all", engine=engine, state=start(net, membrane))


def membranes(trace):
    return trace["core"].registers["membrane"][0].tolist()


def sent(trace):
    """Output spikes of one sample in wire order: (event, neuron)."""
    return [(event, neuron) for _, event, neuron in trace.wire.tolist()]
