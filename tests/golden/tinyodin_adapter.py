"""Vectors of the tinyODIN Verilog, as events and a core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.events import Events

Vectors = Mapping[str, np.ndarray]
Event = dict[str, Any]


def decoded(address: int) -> Event:
    """What ten bits on the address bus mean: bit 8 wins over bit 9."""
    low = address & 0xFF
    if address & 0x100:
        return {"kind": "reference"} if low == 0xFF else {"kind": "reference_one", "neuron": low}
    if address & 0x200 and low >> 4:
        weight = low >> 4
        return {"kind": "virtual", "neuron": low & 0xF, "weight_in": weight - 16 if weight > 7 else weight}
    return {"kind": "spike", "source": low}


def events(vectors: Vectors) -> list[Event]:
    """The stream, decoded."""
    return [decoded(int(address)) for address in vectors["events"]]


def facts(vectors: Vectors) -> dict[str, Any]:
    """The core as integers and lists: what the slow model takes."""
    keys = ("w", "v0", "thr", "leak", "disable", "max_neur", "open_loop")
    return {key: vectors[key].tolist() for key in keys}


def network(vectors: Vectors) -> bs.Network:
    """The core that a vector file describes."""
    profile = bs.load_profile("tinyodin").with_values(
        last_neuron=int(vectors["max_neur"]), open_loop=int(vectors["open_loop"])
    )
    parameters = {"threshold": vectors["thr"], "leak": vectors["leak"], "disabled": vectors["disable"].astype(int)}
    core = bs.Population("core", len(vectors["thr"]), parameters)
    return bs.Network(profile, core.size, [core], [bs.Projection("core", "core", vectors["w"])])


def run(vectors: Vectors, engine: str) -> bs.Trace:
    """The whole stream from the recorded start."""
    net = network(vectors)
    state = bs.initial_state(net)
    state["core"]["membrane"][0] = vectors["v0"]
    return bs.run(net, Events.of(events(vectors)), record="all", engine=engine, state=state)
