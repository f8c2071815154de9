"""Vectors of the ODIN Verilog, as events and a core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.events import Events

Vectors = Mapping[str, np.ndarray]
Event = dict[str, Any]


def decoded(address: int) -> Event:
    """What 17 bits on the address bus mean."""
    high, low = address >> 8 & 0xFF, address & 0xFF
    if address >> 16:
        return {"kind": "synapse", "source": high, "neuron": low}
    if low == 0x07:
        return {"kind": "spike", "source": high}
    if low == 0x7F:
        return {"kind": "reference"}
    if low == 0xFF:
        return {"kind": "reference_one", "neuron": high}
    assert low & 0b111 == 0b001, f"an address that nothing is known of: {address:#x}"
    weight, sign, leak = low >> 5, low >> 4 & 1, low >> 3 & 1
    if not weight and not sign and not leak:
        return {"kind": "spike", "source": high}
    return {"kind": "virtual", "neuron": high, "weight_in": weight, "sign_in": sign, "leak_in": leak}


def events(vectors: Vectors) -> list[Event]:
    """The stream, decoded."""
    return [decoded(int(address)) for address in vectors["events"]]


def facts(vectors: Vectors) -> dict[str, Any]:
    """The core as integers and lists: what the slow model takes."""
    keys = ("w", "mapped", "sign", "v0", "thr", "leak", "leak_en", "disable", "unmapped", "open_loop")
    return {key: vectors[key].tolist() for key in keys}


def network(vectors: Vectors) -> bs.Network:
    """The core that a vector file describes."""
    profile = bs.load_profile("odin").with_values(
        unmapped=int(vectors["unmapped"]), open_loop=int(vectors["open_loop"])
    )
    keys = {"threshold": "thr", "leak": "leak", "leak_enable": "leak_en", "disabled": "disable"}
    core = bs.Population("core", len(vectors["thr"]), {name: vectors[key].astype(int) for name, key in keys.items()})
    synapses = {key: vectors[key].astype(int) for key in ("sign", "mapped")}
    return bs.Network(profile, core.size, [core], [bs.Projection("core", "core", vectors["w"], None, synapses)])


def run(vectors: Vectors, engine: str) -> bs.Trace:
    """The whole stream from the recorded start."""
    net = network(vectors)
    state = bs.initial_state(net)
    state["core"]["membrane"][0] = vectors["v0"]
    return bs.run(net, Events.of(events(vectors)), record="all", engine=engine, state=state)
