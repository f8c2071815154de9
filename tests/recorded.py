"""A small file of vectors, written key by key with NumPy alone, as a user's own script would; and a core's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bitspike as bs
import event_cores
import numpy as np
from builders import GENERIC

SPIKES = np.array([[1, 0], [3, 1], [0, 2], [1, 1]])  # [step, channel]


def keys(threshold: int = 9) -> dict[str, Any]:
    """Two channels, two neurons, four steps; what is recorded comes from loops that share no code with bitspike."""
    weights, leak = [[5, -3], [2, 7]], 2
    membranes, spikes, membrane = [], [], [0, 0]
    for counts in SPIKES:
        fired = [0, 0]
        for n in range(2):
            arrived = sum(int(count) * row[n] for count, row in zip(counts, weights, strict=True))
            membrane[n] += arrived - (membrane[n] >> leak)
            if membrane[n] >= threshold:
                membrane[n] -= threshold
                fired[n] = 1
        membranes.append(list(membrane))
        spikes.append(fired)
    return {
        "input": SPIKES,
        "a.threshold": threshold,
        "a.leak": [leak, leak],
        "input-a.weights": weights,
        "input-a.via": "forward",
        "a.membrane": membranes,
        "a.spikes": spikes,
    }


def core() -> dict[str, Any]:
    """A core of three neurons and a stream of four events, under `tinyodin`."""
    net = event_cores.core([[0, 5, 0], [0, 0, 7], [0, 0, 0]], threshold=4, leak=1, last_neuron=2)
    stream = [event_cores.spike(0), event_cores.REFERENCE, event_cores.virtual(2, 3), event_cores.reference(1)]
    trace = event_cores.run(net, stream)
    return {
        "events.kind": [event["kind"] for event in stream],
        "events.source": [0, -1, -1, -1],
        "events.neuron": [-1, -1, 2, 1],
        "events.weight_in": [0, 0, 3, 0],
        "value.last_neuron": 2,
        "core.threshold": 4,
        "core.leak": 1,
        "core.disabled": 0,
        "core-core.weights": net.projections[0].weights,
        "core.membrane": trace["core"].registers["membrane"][0],
        "core.spikes": trace["core"].spikes[0],
    }


def write(path: Path, arrays: dict[str, Any], **changes: Any) -> Path:
    """The keys as a file; `changes` by key, '__' for a dot and '_to_' for the hyphen, None to leave one out."""
    names = {name.replace("__", ".").replace("_to_", "-"): value for name, value in changes.items()}
    np.savez(path, **{name: value for name, value in (arrays | names).items() if value is not None})
    return path


def load(path: Path, profile: str | bs.Profile = GENERIC, **options: Any) -> bs.Vectors:
    """The vectors of a file."""
    return bs.load_vectors(path, bs.load_profile(profile) if isinstance(profile, str) else profile, **options)
