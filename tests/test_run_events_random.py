"""Random cores under random streams: both engines against each other and against a slow model that shares no code."""

import bitspike as bs
import numpy as np
import pytest
import slow_odin
from bitspike.errors import InputError
from bitspike.events import Events
from builders import edited
from event_cores import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = st.integers(1, 9)
LIMIT = 300


def outcome(net, events, engine, v0):
    """Membranes, wire order and dropped spikes; or the message of a core that is never idle."""
    state = bs.initial_state(net)
    state["core"]["membrane"][0] = v0
    try:
        trace = bs.run(net, Events.of(events), record="all", engine=engine, state=state)
    except InputError as error:
        return str(error)
    registers = trace["core"].registers["membrane"][0].tolist()
    assert trace.spikes[0].sum(axis=1).tolist() == np.bincount(trace.wire[:, 1], minlength=len(events)).tolist()
    return registers, [(e, n) for _, e, n in trace.wire.tolist()], trace.dropped.tolist(), trace.overflows


def agree(net, events, v0, slow):
    """Both engines and the slow model, which has no limit and is asked only where the core comes to rest."""
    compiled, oracle = (outcome(net, events, engine, v0) for engine in ENGINES)
    assert compiled == oracle
    if not isinstance(oracle, str):
        membranes, wire, dropped = slow.run(events)
        assert oracle[:3] == (membranes, wire, [dropped])


def stream(rng, size, fields, length=12, more=()):
    """Events of every kind."""
    events = []
    for kind in rng.choice(["spike", "reference", "reference_one", "virtual", *more], length):
        event = {"kind": str(kind)}
        if kind in ("spike", "synapse"):
            event["source"] = int(rng.integers(size))
        if kind in ("reference_one", "virtual", "synapse"):
            event["neuron"] = int(rng.integers(size))
        if kind == "virtual":
            event |= {name: int(rng.integers(low, high)) for name, (low, high) in fields.items()}
        events.append(event)
    return events


@given(st.integers(0, 2**32), SIZES, st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=60)
def test_signed_cores_equal_the_slow_model(seed, size, depth, open_loop):
    rng = np.random.default_rng(seed)
    facts = {
        "w": rng.integers(-8, 8, (size, size)),
        "v0": rng.choice([-2048, -2040, -3, 0, 5, 2040, 2047], size),
        "thr": rng.choice([0, 1, 4, 9, 30, 2046, 2047, 2048, 4095], size),
        "leak": rng.choice([0, 1, 3, 127], size),
        "disable": rng.integers(0, 2, size),
    }
    last = int(rng.integers(0, 12))
    profile = edited("tinyodin", ("queue.depth", depth), ("queue.limit", LIMIT))
    profile = profile.with_values(last_neuron=last, open_loop=int(open_loop))
    parameters = {"threshold": facts["thr"], "leak": facts["leak"], "disabled": facts["disable"]}
    net = bs.Network(
        profile, size, [bs.Population("core", size, parameters)], [bs.Projection("core", "core", facts["w"])]
    )
    slow = slow_odin.TinyOdin({k: v.tolist() for k, v in facts.items()} | {"max_neur": last, "open_loop": open_loop})
    slow.depth = depth
    agree(net, stream(rng, size, {"weight_in": (-8, 8)}), facts["v0"], slow)


@given(st.integers(0, 2**32), SIZES, st.integers(1, 4), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_unsigned_cores_equal_the_slow_model(seed, size, depth, open_loop, unmapped):
    rng = np.random.default_rng(seed)
    facts = {
        "w": rng.integers(0, 8, (size, size)),
        "mapped": rng.integers(0, 2, (size, size)),
        "sign": rng.integers(0, 2, size),
        "v0": rng.choice([0, 1, 5, 100, 250, 255], size),
        "thr": rng.choice([0, 1, 6, 12, 200, 255], size, p=[0.1, 0.1, 0.2, 0.2, 0.2, 0.2]),
        "leak": rng.choice([0, 1, 3, 127], size),
        "leak_en": rng.integers(0, 2, size),
        "disable": rng.integers(0, 2, size),
    }
    profile = edited("odin", ("queue.depth", depth), ("queue.limit", LIMIT))
    profile = profile.with_values(unmapped=int(unmapped), open_loop=int(open_loop))
    names = {"threshold": "thr", "leak": "leak", "leak_enable": "leak_en", "disabled": "disable"}
    core = bs.Population("core", size, {name: facts[key] for name, key in names.items()})
    synapses = {"sign": facts["sign"], "mapped": facts["mapped"]}
    net = bs.Network(profile, size, [core], [bs.Projection("core", "core", facts["w"], parameters=synapses)])
    slow = slow_odin.Odin({k: v.tolist() for k, v in facts.items()} | {"unmapped": unmapped, "open_loop": open_loop})
    slow.depth = depth
    fields = {"weight_in": (0, 8), "sign_in": (0, 2), "leak_in": (0, 2)}
    agree(net, stream(rng, size, fields, more=["synapse"]), facts["v0"], slow)


RICH = (
    ("neurons.neuron.registers", {"membrane": "s6.wrap", "trace": "s5.saturate"}),
    ("neurons.neuron.parameters", {"threshold": "s6", "leak": "u3", "disabled": "u1"}),
    (
        "neurons.neuron.step",
        [
            {"add": {"into": "membrane", "terms": ["trace", "-last_neuron"], "when": ["trace", ">", 1]}},
            {
                "fire": {
                    "branches": [
                        {
                            "when": ["membrane", ">", "threshold"],
                            "emit": 1,
                            "repeat": 1,
                            "do": [{"add": {"into": "membrane", "terms": ["-threshold"]}}],
                        },
                        {
                            "when": ["membrane", "<", -20],
                            "emit": 0,
                            "repeat": 1,
                            "do": [{"set": {"into": "trace", "value": 3}}],
                        },
                    ]
                }
            },
        ],
    ),
    ("connections.crossbar.into", ["membrane", "trace"]),
    ("events.virtual.do", [{"add": {"into": "trace", "terms": ["weight_in*leak"], "word": "s5.wrap"}}]),
)


@given(st.integers(0, 2**32), SIZES, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_engines_agree_on_neurons_of_several_registers(seed, size, open_loop, kept):
    rng = np.random.default_rng(seed)
    queue = [("queue.depth", 3), ("queue.limit", LIMIT), ("queue.head_keeps_slot", kept)]
    last = int(rng.integers(0, 8))
    profile = edited("tinyodin", *RICH, *queue).with_values(last_neuron=last, open_loop=int(open_loop))
    parameters = {
        "threshold": rng.integers(-5, 32, size),
        "leak": rng.integers(0, 8, size),
        "disabled": rng.integers(0, 2, size),
    }
    weights = rng.integers(-8, 8, (size, size, 2))
    net = bs.Network(profile, size, [bs.Population("core", size, parameters)], [bs.Projection("core", "core", weights)])
    events = stream(rng, size, {"weight_in": (-8, 8)})
    compiled, oracle = (outcome(net, events, engine, rng.integers(0, 1)) for engine in ENGINES)
    assert compiled == oracle


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_given_as_lists_are_the_same_synapses(engine):
    rng = np.random.default_rng(1)
    weights = rng.integers(-8, 8, (7, 7)) * (rng.random((7, 7)) < 0.4)
    pre, post = np.nonzero(weights)
    profile = bs.load_profile("tinyodin").with_values(open_loop=1)
    core = bs.Population("core", 7, {"threshold": 9, "leak": 1, "disabled": 0})
    dense = bs.Projection("core", "core", weights)
    lists = bs.Projection("core", "core", weights[pre, post], shape=bs.network.Sparse(pre, post))
    events = stream(rng, 7, {"weight_in": (-8, 8)}, 60)
    found = [outcome(bs.Network(profile, 7, [core], [link]), events, engine, 0) for link in (dense, lists)]
    assert found[0] == found[1]
