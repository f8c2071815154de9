"""Which classes of a profile can hold a layer of a graph, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...profile.schema import Profile
from ...profile.shared import Leak
from .layers import FloatLayer, FloatNetwork, Floats
from .target import Firing, Target, leak_choices

FARTHEST = 2.0  # times a leak may be larger or smaller than the graph's
SLIGHT = 2.0**-12  # a leak that stands for none


def options(
    layer: FloatLayer, network: FloatNetwork, targets: Mapping[str, Target], profile: Profile, faults: list[str]
) -> Iterator[Target]:
    """Classes that can hold a layer, the likeliest first; faults: why there is none."""
    reasons, found = [], False
    outlets = {name for name in targets if not any(name in c.sources for c in profile.connections.values())}
    leaves = layer.node in network.outputs and not any(link.source == layer.node for link in network.links)
    for target in sorted(targets.values(), key=lambda one: (one.name in outlets) != leaves):
        reason = _unfit(layer, target, profile)
        if reason is None:
            found = True
            yield target
        else:
            reasons.append(reason)
    if not found:
        faults.append(f"node '{layer.node}': {reasons[0]}")


def firing_of(layer: FloatLayer, target: Target) -> Firing | None:
    """The way of firing that resets as the layer does."""
    if layer.threshold is None or not layer.keep.any():
        return target.firings[0] if target.firings else None
    ways = [_reset(layer), *(["value"] if layer.reset is not None else [])]
    return next((one for way in ways for one in target.firings if one.reset == way), None)


def _unfit(layer: FloatLayer, target: Target, profile: Profile) -> str | None:
    """Why a class cannot hold a layer."""
    name, most = profile.name, profile.limits.neurons.get(target.name)
    if layer.keep_current is not None and layer.keep_current.any() and not target.lif.currents:
        return f"found a {layer.kind}, whose current lasts; allowed on {name}: LIF, IF, LI, which have none"
    for what, keep, leak in _leaks(layer, target):
        _, _, keeps = leak_choices(target, leak, profile)
        if what == "current" and getattr(leak, "used", "") == "decayed":
            keeps = keeps[keeps > 0]
        worst = _beyond(keep, keeps)
        if worst is not None:
            ends = [_tau(keeps.min()), _tau(keeps.max())]
            allowed = ends[0] if ends[0] == ends[1] else " to ".join(ends)
            return f"{what}[{worst}]: found a time constant of {_tau(keep[worst])}; allowed on {name}: {allowed}"
    if layer.threshold is not None and firing_of(layer, target) is None:
        ways = ", ".join(dict.fromkeys(_in_words(firing.reset) for firing in target.firings)) or "none"
        hint = "; say --reset subtract if the network was trained so, which NIR cannot record"
        found = f"found a reset {_in_words(_reset(layer))}; allowed on {name}: {ways}"
        return found + (hint if "subtraction" in ways else "")
    if most is not None and layer.size > most:
        return f"found {layer.size} neurons; allowed on {name}: {most} of class '{target.name}'"
    return None


def _leaks(layer: FloatLayer, target: Target) -> Iterator[tuple[str, Floats, Leak]]:
    yield "membrane", layer.keep, target.lif.leak
    if target.lif.currents:
        nothing = np.zeros(layer.size)
        keep = nothing if layer.keep_current is None else layer.keep_current
        yield "current", keep, next(iter(target.lif.currents.values()))


def _reset(layer: FloatLayer) -> str:
    if layer.reset is None:
        return "subtract"
    return "value" if layer.reset.any() else "zero"


def _in_words(reset: str) -> str:
    return {"zero": "to the resting potential", "value": "to another value", "subtract": "by subtraction"}[reset]


def _tau(keep: float) -> str:
    if keep >= 1:
        return "no leak"
    return "0 steps" if keep <= 0 else f"{-1 / np.log(keep):.4g} steps"


def _beyond(wanted: Floats, keeps: Floats) -> int | None:
    """The first neuron whose leak is not near any that can be had."""
    loss, losses = 1 - wanted, 1 - keeps
    near = losses[np.argmin(np.abs(losses[None, :] - loss[:, None]), axis=1)]
    none = (loss == 0) & (near <= SLIGHT)
    held = none | ((near <= FARTHEST * loss) & (loss <= FARTHEST * near))
    return None if held.all() else int(np.argmin(held))
