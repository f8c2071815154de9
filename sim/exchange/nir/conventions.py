"""How continuous NIR parameters become a discrete step: what each framework's exporter means by them.

NIR gives differential equations. A framework computes a difference equation, and its exporter turns that into time
constants by a rule of its own, which the file does not name. The rules here are those of the exporters' sources:

| rule | step | kept of a leak | input counts | resets | spikes a step | threshold |
|---|---|---|---|---|---|---|
| nir (the specification, forward Euler) | 1e-4 | 1 - dt/tau | r dt/tau | to v_reset | 1 | exceeded |
| snntorch 1.0 | 1e-4 | 1 - dt/tau | r dt/tau | by subtraction, a step later (not in the file) | 1 | exceeded |
| spikingjelly 2.0 | 1e-4 | 1 - dt/tau | r dt/tau | to v_reset | 1 | reached |
| norse 1.1 | 1e-6 | 1 - dt/tau | r dt/tau; a current jumps by its input | to v_reset | 1 | exceeded |
| sinabs 3.1 | 1 | exp(-dt/tau) | 1 - kept; of IF and LI 1 | by subtraction | many | reached |
| rockpool 3.1 | of r | exp(-dt/tau) | 1; a current decays before it counts | by subtraction | many | reached |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, suggest
from .graph import NEURONS, Graph, Node

Floats = NDArray[np.float64]
RESETS = ("value", "subtract")


@dataclass(frozen=True)
class Conventions:
    """How a step follows from a graph's parameters.

    dt: a step, in the graph's unit of time. leak: the rule for what is kept. normed: an input counts r (1 - kept), else
    1 (exponential leak only). jumps: a current jumps by its whole input. decays_first: a current decays before it
    counts. reset: to v_reset, or by subtraction of the threshold, with `late` in the step after. most: spikes of a
    neuron in a step. reached: a membrane that equals the threshold spikes. whole: types of nodes whose
    input counts r in any step. because: why these, in words.
    """

    name: str
    dt: float = 1e-4
    leak: Literal["euler", "exponential"] = "euler"
    normed: bool = True
    jumps: bool = False
    decays_first: bool = False
    reset: str = "value"
    late: bool = False
    most: int = 1
    reached: bool = False
    whole: tuple[str, ...] = ()
    because: str = "named"

    def __str__(self) -> str:
        kept = "1 - dt/tau" if self.leak == "euler" else "exp(-dt/tau)"
        reset = "to v_reset" if self.reset == "value" else "by subtraction" + (", a step later" if self.late else "")
        spikes = "one spike" if self.most == 1 else "several spikes"
        edge = "reached" if self.reached else "exceeded"
        return f"{self.name} ({self.because}): dt {self.dt:g}, keeps {kept}, resets {reset}, {spikes} a step, "\
            f"threshold {edge}"  # fmt: skip

    def kept(self, tau: Floats) -> Floats:
        """What a step keeps of a state with these time constants."""
        return 1 - self.dt / tau if self.leak == "euler" else np.exp(-self.dt / tau)


MANY = 1 << 20  # spikes of a neuron in a step, where there is no cap

DIALECTS = {
    one.name: one
    for one in (
        Conventions("nir"),
        Conventions("snntorch", reset="subtract", late=True),
        Conventions("spikingjelly", reached=True),
        Conventions("norse", dt=1e-6, jumps=True, whole=("IF",)),
        Conventions("sinabs", dt=1.0, leak="exponential", reset="subtract", most=MANY, reached=True,
                    whole=("IF", "LI")),
        Conventions("rockpool", dt=1e-3, leak="exponential", normed=False, decays_first=True, reset="subtract",
                    most=MANY, reached=True),
    )
}  # fmt: skip


def conventions_for(
    graph: Graph, dialect: str | None = None, dt: float | None = None, reset: str | None = None
) -> Conventions:
    """The conventions of a graph: those named, or of the exporter whose marks its parameters carry.

    dialect: a key of DIALECTS; None or 'auto': found. dt, reset: override the dialect's. Raises InputError.
    """
    if dialect is None or dialect == "auto":
        found = _recognised(graph)
    elif dialect in DIALECTS:
        found = replace(DIALECTS[dialect], dt=_step(graph, DIALECTS[dialect]))
    else:
        known = ", ".join(("auto", *DIALECTS))
        raise InputError(f"dialect: found {dialect!r}; allowed: {known}{suggest(dialect, DIALECTS)}")
    if dt is not None:
        if not (isinstance(dt, int | float) and np.isfinite(dt) and dt > 0):
            raise InputError(f"dt: found {dt!r}; allowed: a number above 0")
        found = replace(found, dt=float(dt))
    if reset is not None:
        if reset not in RESETS:
            raise InputError(f"reset: found {reset!r}; allowed: {', '.join(RESETS)}")
        found = replace(found, reset=reset, late=False if reset == "value" else found.late)
    return found


def _neurons(graph: Graph) -> list[Node]:
    return graph.of_kind(*NEURONS)


def _recognised(graph: Graph) -> Conventions:
    """The exporter whose marks all neurons of a graph carry."""
    neurons = [node for node in _neurons(graph) if "r" in node.values]
    for name, marks, because in _MARKS:
        if (
            neurons
            and all(marks(node) for node in neurons)
            and (name not in _SINGLE or any(n.single or _keeps_32_bits(n) for n in neurons))
        ):
            dialect = DIALECTS[name]
            return replace(dialect, dt=_step(graph, dialect), because=because)
    plain = DIALECTS["nir"]
    whole_steps = (
        bool(neurons) and all(_is(node.values["r"], 1) for node in neurons) and min(_taus(graph), default=1) >= 1
    )
    because = "no exporter's marks"
    return replace(plain, dt=1.0 if whole_steps else plain.dt, because=because)


def _taus(graph: Graph) -> Iterator[float]:
    for node in _neurons(graph):
        for key in ("tau", "tau_syn", "tau_mem"):
            if key in node.values:
                yield float(node.values[key].min())


def _step(graph: Graph, dialect: Conventions) -> float:
    """The dialect's step; rockpool's from r = tau exp(-dt/tau) / dt, which its exporter writes."""
    if dialect.name != "rockpool":
        return dialect.dt
    steps = [_rockpool_step(node) for node in _neurons(graph) if "r" in node.values]
    return float(np.median(steps)) if steps else dialect.dt


def _rockpool_step(node: Node) -> float:
    tau = node.values.get("tau_mem", node.values.get("tau", np.ones(1)))
    tau, r = np.broadcast_arrays(tau.ravel(), node.values["r"].ravel())
    x = 1 / (1 + np.maximum(r, 1e-6))  # of exp(-x) / x = r, by Newton's method
    for _ in range(50):
        value = np.exp(-x) / x
        x = np.maximum(x + (value - r) / (value * (1 + 1 / x)), 1e-12)
    return float(np.median(x * tau))


def _is(values: Any, to: Any) -> bool:
    return bool(np.allclose(values, to, rtol=1e-4, atol=0))


def _unit_input(node: Node, dt: float) -> bool:
    """Whether an input counts 1: r is tau / dt, of a current w_in is tau_syn / dt, too."""
    values = node.values
    if "tau_syn" in values:
        return _is(values["r"] * dt, values["tau_mem"]) and _is(values.get("w_in", 1.0) * dt, values["tau_syn"])
    return "tau" in values and _is(values["r"] * dt, values["tau"])


def _snntorch(node: Node) -> bool:
    plain = not np.any(node.values.get("v_leak", 0)) and not np.any(node.values.get("v_reset", 0))
    return node.kind in ("LIF", "CubaLIF") and _unit_input(node, 1e-4) and plain


def _keeps_32_bits(node: Node) -> bool:
    """Whether what a step of 1e-4 keeps is a 32-bit number and no short decimal: computed from one, written in 64."""
    if "tau" not in node.values and "tau_mem" not in node.values:
        return False
    keep = 1 - 1e-4 / node.values.get("tau", node.values.get("tau_mem"))
    return bool(np.any((np.abs(keep - keep.astype(np.float32)) < 1e-13) & (np.abs(keep - np.round(keep, 6)) > 1e-9)))


def _spikingjelly(node: Node) -> bool:
    if node.kind == "IF":
        return _is(node.values["r"], 1e4)
    leak, reset = node.values.get("v_leak", 0), node.values.get("v_reset", 0)
    unit = _unit_input(node, 1e-4)
    if node.kind == "LIF":
        tau = node.values["tau"]
        return (unit or (_is(node.values["r"], 1) and tau.min() > 1e-4 and tau.max() < 0.01)) and _is(leak, reset)
    return node.kind == "CubaLIF" and unit


def _sinabs(node: Node) -> bool:
    in_steps = float(node.values.get("tau", np.ones(1)).min()) >= 1
    return (
        node.kind in ("IF", "LIF", "LI")
        and _is(node.values["r"], 1)
        and in_steps
        and not np.any(node.values.get("v_leak", 0))
    )


def _norse(node: Node) -> bool:
    tau = node.values.get("tau", node.values.get("tau_mem", np.ones(1)))
    return node.kind in ("LIF", "CubaLIF", "LI") and _is(node.values["r"], 1) and float(tau.max()) < 1e-4


def _rockpool(node: Node) -> bool:
    if node.kind != "CubaLIF" or not _is(node.values.get("w_in", 1.0), 1) or _is(node.values["r"], 1):
        return False
    step, tau = _rockpool_step(node), node.values["tau_mem"]
    return _is(node.values["r"], tau * np.exp(-step / tau) / step) and step < float(tau.min())


_SINGLE = ("snntorch", "sinabs")  # whose numbers are of 32 bits
_MARKS = (
    ("snntorch", _snntorch, "r is tau / 1e-4 in 32-bit numbers, no leak or reset voltage"),
    ("spikingjelly", _spikingjelly, "an input counts 1 or 1/tau at a step of 1e-4"),
    ("norse", _norse, "time constants below 1e-4, r is 1"),
    ("sinabs", _sinabs, "time constants in steps, r is 1"),
    ("rockpool", _rockpool, "r is tau exp(-dt/tau) / dt, w_in is 1"),
)
