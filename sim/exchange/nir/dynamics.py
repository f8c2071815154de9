"""The neurons of a NIR node as a step computes them: what they keep, where they spike, and what an input of 1 adds."""

from __future__ import annotations

import numpy as np

from .conventions import Conventions
from .graph import SILENT, Node
from .layers import FloatLayer, Floats


def neurons_of(node: Node, size: int, rule: Conventions, faults: list[str]) -> FloatLayer:
    """A node's neurons, measured from the resting potential, without what enters them; faults: what is wrong is added.

    Their number is `size`.
    """
    nothing = np.zeros(size)
    keep = _kept(node, "tau_mem" if "tau_mem" in node.values else "tau", size, rule, faults)
    if keep is None:
        keep = np.zeros(size) if node.kind == "Threshold" else np.ones(size)
    threshold = _threshold(node, size, faults)
    returns = rule.reset == "value" and threshold is not None
    reset = _spread(node, "v_reset", size) - _spread(node, "v_leak", size) if returns else None
    keep_current = _kept(node, "tau_syn", size, rule, faults)
    return FloatLayer(node.name, node.kind, keep, keep_current, threshold, reset, nothing, nothing)


def gain_of(node: Node, layer: FloatLayer, rule: Conventions) -> Floats:
    """What an input of 1 adds, to the current where there is one: r, w_in and the step in one factor."""
    r = np.broadcast_to(node.values.get("r", np.ones(1)).ravel(), layer.size)
    if node.kind == "Threshold" or not rule.normed:
        return np.ones(layer.size)
    if node.kind in rule.whole:
        return np.asarray(r, np.float64)
    if node.kind in ("IF", "I"):
        return r * rule.dt
    gain: Floats = np.asarray(r * (1 - layer.keep), np.float64)
    if layer.keep_current is None:
        return gain
    w_in = np.broadcast_to(node.values.get("w_in", np.ones(1)).ravel(), layer.size)
    enters: Floats = w_in * (np.ones(layer.size) if rule.jumps else 1 - layer.keep_current)
    return gain * enters


def _spread(node: Node, key: str, size: int) -> Floats:
    """A value of the node for each neuron, 0 where there is none."""
    array: Floats = np.broadcast_to(node.values.get(key, np.zeros(1)).ravel(), size).astype(np.float64)
    return array


def _kept(node: Node, key: str, size: int, rule: Conventions, faults: list[str]) -> Floats | None:
    """What a step keeps under a time constant of the node."""
    if key not in node.values:
        return None
    taus = _spread(node, key, size)
    keep = rule.kept(taus)
    if keep.min() < 0:
        worst = int(np.argmin(keep))
        found = f"node '{node.name}': {key}[{worst}]: found {taus[worst]:g}"
        faults.append(f"{found}; allowed: a step (dt {rule.dt:g}) or more")
    return keep


def _threshold(node: Node, size: int, faults: list[str]) -> Floats | None:
    """Above the resting potential; None where the node never spikes."""
    if node.kind == "Threshold":
        return _spread(node, "threshold", size)
    if node.kind in SILENT:
        return None
    rest = _spread(node, "v_leak", size)
    threshold = _spread(node, "v_threshold", size) - rest
    if threshold.min() <= 0:
        worst = int(np.argmin(threshold))
        found = f"node '{node.name}': v_threshold[{worst}]: found {threshold[worst] + rest[worst]:g}"
        faults.append(f"{found}; allowed: above v_leak, {rest[worst]:g}")
    return threshold
