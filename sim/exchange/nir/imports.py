"""`import_nir`: a NIR graph as integers under a profile, with what was lost on the way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import FileError, InputError, NetworkError
from ...network.network import Network
from ...profile import load_profile
from ...profile.schema import Profile
from .calibrate import turned
from .check import Ran, compared
from .conventions import Conventions, conventions_for
from .fusion import fuse
from .graph import Graph, read_graph
from .layers import FloatNetwork
from .native import network_of
from .plan import Plan, plan
from .quantize import Knobs, Quantized, quantize
from .simulate import simulate
from .target import targets
from .tree import read_file, read_object

SAMPLES, STEPS, DENSITY = 4, 64, 0.25  # of the random input that rates are measured on where none is given
MOST_SAMPLES = 64  # of given input that are used


@dataclass(frozen=True, eq=False)
class Imported:
    """The network, and the report: by node what became of it. layers is empty where the file held the integers."""

    network: Network
    conventions: str
    input: str
    layers: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    @property
    def silent(self) -> tuple[str, ...]:
        """A line for each layer that never spikes, with the cause."""
        return tuple(f"node '{one['node']}' is silent: {one['silent']}" for one in self.layers if one["silent"])

    def describe(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "profile": self.network.profile.name,
            "conventions": self.conventions,
            "input": self.input,
            "layers": [dict(one) for one in self.layers],
            "silent": list(self.silent),
            "notes": list(self.notes),
        }


def import_nir(
    source: str | os.PathLike[str] | Any,
    profile: Profile | str | None = None,
    *,
    calibrate: ArrayLike | None = None,
    dialect: str | None = None,
    dt: float | None = None,
    reset: str | None = None,
    per: str = "channel",
    bias: str = "refuse",
) -> Imported:
    """Quantize a NIR graph onto a profile; or load the integers of a file that `export` wrote, for its own profile.

    source: a file, or a `nir.NIRGraph`. profile: a profile, or a name or path of one; an exported file needs none.
    calibrate: spikes [sample, step, input] or [step, input] to choose scales and thresholds by; None: from the weights.
    dialect: whose conventions (`conventions.DIALECTS`); None: found. dt: a step, in the graph's time. reset: 'value'
        (to v_reset) or 'subtract'.
    per: 'channel' (each neuron, or each channel of a convolution, has a scale) or 'layer'.
    bias: 'refuse', or 'channel': where the profile has no bias, an input channel that must spike in every step.

    Raises NetworkError, a line for each node at fault; FileError, InputError.
    """
    from_file = isinstance(source, str | os.PathLike)
    tree = read_file(source) if from_file else read_object(source)
    chip = load_profile(profile) if isinstance(profile, str) else profile
    place = os.fspath(source) if from_file else "graph"
    stored = network_of(tree, place)
    if stored is not None:
        if chip is not None and chip.digest != stored.profile.digest:
            raise FileError(f"{place}: holds integers for profile '{stored.profile.name}'; allowed: that profile")
        return Imported(stored, "integers that were exported", "none", (), ())
    if chip is None:
        raise InputError("profile: found none; allowed: the profile that the graph is quantized onto")
    try:
        graph = read_graph(tree)
        conventions = _reset_of(conventions_for(graph, dialect, dt, reset), chip, reset)
        return _quantized(graph, conventions, chip, calibrate, per, bias)
    except NetworkError as error:
        before = f"{place}: " if from_file else ""
        raise NetworkError([f"{before}{fault}" for fault in error.faults]) from None


def _reset_of(conventions: Conventions, profile: Profile, reset: str | None) -> Conventions:
    """A late reset is a default that its file does not say: where the profile lacks it, what the file says counts."""
    held = {firing.reset for target in targets(profile).values() for firing in target.firings}
    unsaid = conventions.late and reset is None
    if unsaid and "subtract" not in held and held & {"zero", "value"}:
        return replace(conventions, reset="value", late=False)
    return conventions


def _quantized(
    graph: Graph, conventions: Conventions, profile: Profile, calibrate: ArrayLike | None, per: str, bias: str
) -> Imported:
    network = fuse(graph, conventions)
    planned = plan(network, profile)
    spikes, described = _input(calibrate, network, profile)
    before = simulate(network, spikes)
    seen = before if calibrate is not None else None
    task = {"imported": "NIR", "conventions": str(conventions)}

    def attempt(knobs: Mapping[str, Knobs]) -> tuple[Quantized, dict[str, Ran]]:
        made = quantize(network, planned, profile, per=per, bias=bias, seen=seen, knobs=knobs, task=task)
        return made, compared(network, planned, made, before, spikes)

    spiking = [name for name, layer in network.layers.items() if layer.threshold is not None]
    quantized, ran = attempt({}) if calibrate is None else turned(spiking, attempt)
    rows = tuple(_row(quantized, ran, name) for name in network.layers)
    notes = [*network.notes, *planned.notes, *_unequal(network, quantized, planned)]
    if calibrate is None and any(_coarse(one.keep, one.kept) for one in quantized.layers.values()):
        notes.append("leaks differ from the graph's by more than a tenth: calibrate, so that thresholds make up for it")
    return Imported(quantized.network, str(conventions), described, rows, tuple(dict.fromkeys(notes)))


def _input(calibrate: ArrayLike | None, network: FloatNetwork, profile: Profile) -> tuple[NDArray[Any], str]:
    """Sample input [sample, step, input], and what it is. Raises InputError."""
    if calibrate is None:
        random = np.random.default_rng(0).random((SAMPLES, STEPS, network.inputs))
        counts = (random < DENSITY).astype(np.uint8)
        return counts, f"random spikes, density {DENSITY}, {SAMPLES} samples of {STEPS} steps"
    array = np.asarray(calibrate)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] != network.inputs or not array.size:
        wanted = f"[sample, step, {network.inputs}] or [step, {network.inputs}], none of them 0"
        raise InputError(f"calibrate: found shape {np.shape(calibrate)}; allowed: {wanted}")
    if array.dtype.kind not in "iub":
        raise InputError(f"calibrate: found {array.dtype} values; allowed: integers")
    word = profile.input
    low, high = (0, 255) if word is None else (word.min, word.max)
    if array.min() < low or array.max() > high:
        raise InputError(f"calibrate: found {array.min()} to {array.max()}; allowed: {low} to {high}")
    array = array[:MOST_SAMPLES].astype(np.int64)
    return array, f"given spikes, {array.shape[0]} samples of {array.shape[1]} steps"


def _row(quantized: Quantized, ran: Mapping[str, Ran], name: str) -> dict[str, Any]:
    """What became of one node, as JSON."""
    report, done = quantized.layers[name], ran[name]
    current = report.keep_current is not None and report.kept_current is not None
    return {
        "node": name,
        "layer": report.name,
        "class": report.neuron,
        "neurons": report.size,
        "scale": [float(report.scale.min()), float(report.scale.max())],
        "weight_error": {"most": report.weight_error, "rms": report.weight_rms, "rounded_to_0": report.weights_zero},
        "membrane_keeps": _worst(report.keep, report.kept),
        "current_keeps": _worst(report.keep_current, report.kept_current) if current else None,
        "threshold": None if report.threshold is None else [int(report.threshold.min()), int(report.threshold.max())],
        "threshold_error": None if report.threshold is None else report.threshold_error,
        "bias_error": report.bias_error,
        "clipped": report.clipped,
        "saturated": done.overflows,
        "rate_before": float(done.before.sum() / done.positions) if report.threshold is not None else None,
        "rate_after": float(done.after.sum() / done.positions) if report.threshold is not None else None,
        "spikes_before": int(done.before.sum()),
        "spikes_after": int(done.after.sum()),
        "membrane_error": done.membrane_error,
        "silent": done.silent_because,
        "notes": report.notes,
    }


def _worst(wanted: NDArray[Any] | None, got: NDArray[Any] | None) -> dict[str, float]:
    """The neuron whose leak is farthest from the graph's."""
    assert wanted is not None
    assert got is not None
    worst = int(np.argmax(np.abs(wanted - got)))
    return {"graph": float(wanted[worst]), "chip": float(got[worst]), "error": float(abs(wanted[worst] - got[worst]))}


def _coarse(wanted: NDArray[Any], got: NDArray[Any]) -> bool:
    """Whether what is lost in a step differs by more than a tenth."""
    return bool((np.abs(wanted - got) > 0.1 * (1 - wanted)).any() and (wanted < 1).any())


def _unequal(network: FloatNetwork, quantized: Quantized, planned: Plan) -> list[str]:
    """What the integers do otherwise by design."""
    notes = []
    if network.conventions.late and network.conventions.reset == "subtract":
        notes.append("the graph subtracts the threshold a step after a spike, the profile in the same step")
    capped = [one for one in planned.layers.values() if one.firing and one.firing.most < network.conventions.most]
    if capped and network.conventions.most > 1:
        notes.append(f"neurons spike at most {min(one.firing.most for one in capped if one.firing)} times a step")
    more = [one.firing.most for one in planned.layers.values() if one.firing and one.firing.most > 1]
    if more and network.conventions.most == 1:
        notes.append("neurons spike as often in a step as the threshold fits; in the graph once")
    if quantized.network.inputs > network.inputs:
        notes.append(f"input {network.inputs} (the last) carries the biases: it must spike once in every step")
    for name, layer in quantized.layers.items():
        if (layer.keep == 1).any() and (layer.kept[layer.keep == 1] < 1).any():
            notes.append(f"node '{name}': has no leak in the graph, and the smallest of the profile")
    return notes
