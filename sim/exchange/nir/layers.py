"""A NIR graph as layers of neurons that step together, and the linear maps between them.

Chains of linear nodes are fused, parameters of time become what a step keeps, and everything is measured from the
resting potential:

    current  = keep_current * current + drive        (decays_first: keep_current * (current + drive))
    membrane = keep * membrane + current + bias      (no current: + drive)
    a spike where the membrane reaches or passes the threshold, then the reset
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ...profile.schema import INPUT
from .conventions import Conventions
from .graph import JUNCTION, NEURONS, SILENT, Graph, Node
from .operators import Diagonal, Matrix, Operator, TooLargeError, added, joined
from .pictures import Shape, picture_operator
from .shapes import found_shapes

Floats = NDArray[np.float64]
MAX_PATHS = 10_000
_DELAY_ERROR = 1e-3  # of a step: delays are whole steps


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """Neurons of one node. keep, keep_current, threshold, reset, bias: float64 [neuron].

    keep_current: None where there is no current. threshold: None where the node never spikes. reset: None where the
    threshold is subtracted. current_bias: drives the current instead of the membrane.
    """

    node: str
    kind: str
    keep: Floats
    keep_current: Floats | None
    threshold: Floats | None
    reset: Floats | None
    bias: Floats
    current_bias: Floats

    @property
    def size(self) -> int:
        """How many neurons."""
        return len(self.keep)


@dataclass(frozen=True, eq=False)
class FloatLink:
    """What one layer (or the input) adds to another, `lag` steps later. chain: the operators one by one, of nodes."""

    source: str
    target: str
    lag: int
    operator: Operator
    nodes: tuple[str, ...]
    chain: tuple[Operator, ...]


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """Layers in the order in which they step, and the links between them; `inputs` channels enter."""

    inputs: int
    layers: Mapping[str, FloatLayer]
    links: tuple[FloatLink, ...]
    conventions: Conventions
    notes: tuple[str, ...]
    outputs: tuple[str, ...]
    entry: str

    def into(self, layer: str) -> list[FloatLink]:
        """The links that reach a layer."""
        return [link for link in self.links if link.target == layer]


def fuse(graph: Graph, conventions: Conventions) -> FloatNetwork:
    """The layers and links of a graph. Raises NetworkError with every fault, by node."""
    return _Fusion(graph, conventions).network()


class _Fusion:
    def __init__(self, graph: Graph, conventions: Conventions) -> None:
        self.graph = graph
        self.conventions = conventions
        self.faults: list[str] = []
        self.notes: list[str] = []
        self.input = graph.of_kind("Input")[0].name
        self.stops = {node.name for node in graph.of_kind(*NEURONS)}
        self.shapes: Mapping[str, Shape] = {}
        self.biases_added: set[tuple[str, str, tuple[str, ...]]] = set()

    def network(self) -> FloatNetwork:
        self._refuse_loops_without_state()
        self._end()
        self.shapes = found_shapes(self.graph, self.input, self.faults)
        self._end()
        order = self._order()
        layers = {name: self._layer(self.graph.nodes[name]) for name in order}
        self._end()
        links = [link for source in (self.input, *order) for link in self._links_of(source, order, layers)]
        self._end()
        outputs = tuple(self._outputs(order))
        self._end()
        size = prod(self.shapes[self.input])
        return FloatNetwork(
            size, layers, tuple(_merged(links)), self.conventions, tuple(self.notes), outputs, self.input
        )

    def _end(self) -> None:
        if self.faults:
            raise NetworkError(list(dict.fromkeys(self.faults)))

    def _refuse_loops_without_state(self) -> None:
        """A loop of linear nodes alone has no past to start from."""
        without = {name for name, node in self.graph.nodes.items() if node.kind != "Delay" and name not in self.stops}
        before: dict[str, set[str]] = {}
        for source, target in self.graph.edges:
            if source in without and target in without:
                before.setdefault(target, set()).add(source)
        try:
            TopologicalSorter(before).prepare()
        except CycleError as error:
            loop = error.args[1]
            self.faults.append(
                f"node '{loop[0]}': found a loop without state: {' -> '.join(loop)}; allowed: loops through neurons"
            )

    def _order(self) -> list[str]:
        """Neurons in the order of a walk from the input: an edge against it closes a loop."""
        order: list[str] = []
        seen, stack = {self.input}, [(self.input, iter(self.graph.targets(self.input)))]
        while stack:
            name, targets = stack[-1]
            target = next((each for each in targets if each not in seen), None)
            if target is not None:
                seen.add(target)
                stack.append((target, iter(self.graph.targets(target))))
                continue
            stack.pop()
            if name in self.stops:
                order.append(name)
        return order[::-1]

    def _layer(self, node: Node) -> FloatLayer:
        """Its parameters in steps, measured from the resting potential, without what enters it."""
        size, values, rule = prod(self.shapes[node.name]), node.values, self.conventions

        def spread(key: str, default: float = 0.0) -> Floats:
            array: Floats = np.broadcast_to(values.get(key, np.array(default)).ravel(), size).astype(np.float64)
            return array

        def kept(key: str) -> Floats | None:
            if key not in values:
                return None
            keep = rule.kept(spread(key))
            if keep.min() < 0:
                worst = int(np.argmin(keep))
                tau = spread(key)[worst]
                self.faults.append(
                    f"node '{node.name}': {key}[{worst}]: found {tau:g}; allowed: a step (dt {rule.dt:g}) or more"
                )
            return keep

        rest = spread("v_leak")
        keep = kept("tau_mem" if "tau_mem" in values else "tau")
        if keep is None:
            keep = np.zeros(size) if node.kind == "Threshold" else np.ones(size)
        threshold = None
        if node.kind == "Threshold":
            threshold = spread("threshold")
        elif node.kind not in SILENT:
            threshold = spread("v_threshold") - rest
        if threshold is not None and threshold.min() <= 0 and node.kind != "Threshold":
            worst = int(np.argmin(threshold))
            self.faults.append(
                f"node '{node.name}': v_threshold[{worst}]: found {threshold[worst] + rest[worst]:g}; "
                f"allowed: above v_leak, {rest[worst]:g}"
            )
        reset = spread("v_reset") - rest if rule.reset == "value" and threshold is not None else None
        nothing = np.zeros(size)
        return FloatLayer(node.name, node.kind, keep, kept("tau_syn"), threshold, reset, nothing, nothing)

    def _gain(self, layer: FloatLayer) -> Floats:
        """What an input of 1 adds, to the current where there is one: r, w_in and the step in one factor."""
        node, rule = self.graph.nodes[layer.node], self.conventions
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

    def _links_of(self, source: str, order: list[str], layers: dict[str, FloatLayer]) -> Iterator[FloatLink]:
        """Every chain of linear nodes from a source to a neuron; what biases they have go to the neuron."""
        start = Diagonal(np.ones(prod(self.shapes[source])))
        if source != self.input and layers[source].kind in SILENT:
            self._refuse_beyond(source)
            return
        paths: list[tuple[str, tuple[str, ...], tuple[Operator, ...], float]] = [(source, (), (), 0.0)]
        count = 0
        while paths:
            name, nodes, chain, delay = paths.pop(0)
            count += 1
            if count > MAX_PATHS:
                self.faults.append(f"node '{source}': found more than {MAX_PATHS:,} ways from it; allowed: fewer")
                return
            for target in self.graph.targets(name):
                node = self.graph.nodes[target]
                if target in self.stops:
                    yield from self._link(source, target, nodes, (start, *chain), delay, order, layers)
                elif node.kind not in ("Output", "Input"):
                    if target in nodes:
                        self.faults.append(f"node '{target}': found a loop without a neuron; allowed: loops with one")
                        return
                    more = self._steps(node) if node.kind == "Delay" else 0.0
                    paths.append((target, (*nodes, target), (*chain, *self._operators(node, name)), delay + more))

    def _steps(self, node: Node) -> float:
        delays = node.values["delay"].ravel() / self.conventions.dt
        if delays.size and np.ptp(delays) > _DELAY_ERROR:
            self.faults.append(
                f"node '{node.name}': delay: found {delays.min():g} to {delays.max():g} steps; "
                "allowed: one delay for all values"
            )
        return float(delays[0]) if delays.size else 0.0

    def _operators(self, node: Node, before: str) -> tuple[Operator, ...]:
        shape = self.shapes[before]
        if node.kind in ("Affine", "Linear"):
            return (Matrix(node.values["weight"].T),)
        if node.kind == "Scale":
            return (Diagonal(np.broadcast_to(node.values["scale"].ravel(), prod(shape)).astype(np.float64)),)
        if node.kind in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"):
            return (picture_operator(node, shape),)
        return ()

    def _link(
        self,
        source: str,
        target: str,
        nodes: tuple[str, ...],
        chain: tuple[Operator, ...],
        delay: float,
        order: list[str],
        layers: dict[str, FloatLayer],
    ) -> Iterator[FloatLink]:
        layer = layers[target]
        steps = round(delay)
        if abs(delay - steps) > _DELAY_ERROR:
            self.notes.append(f"node '{target}': a delay of {delay:g} steps acts after {steps}")
        backward = source != self.input and order.index(source) >= order.index(target)
        gain = self._gain(layer)
        try:
            operator = _product(chain).scaled(gain)
        except TooLargeError as error:
            self.faults.append(f"node '{nodes[-1] if nodes else target}': found {error} on the way from '{source}'")
            return
        name = INPUT if source == self.input else source
        self._add_bias(source, target, nodes, gain, layers)
        whole = tuple(each for each in chain[1:]) or (chain[0],)
        scaled = (*whole[:-1], whole[-1].scaled(gain))
        yield FloatLink(name, target, max(steps, 1) if backward else steps, operator, nodes, scaled)

    def _add_bias(
        self, source: str, target: str, nodes: tuple[str, ...], gain: Floats, layers: dict[str, FloatLayer]
    ) -> None:
        """The biases on a way, each once: where ways part, the later one finds nothing to add."""
        for place, name in enumerate(nodes):
            bias = self.graph.nodes[name].values.get("bias")
            if bias is None or not np.any(bias) or (name, target, nodes[place:]) in self.biases_added:
                continue
            self.biases_added.add((name, target, nodes[place:]))
            size = prod(self.shapes[name])
            value: Floats = np.repeat(np.broadcast_to(bias.ravel(), self.graph.nodes[name].values["weight"].shape[0]),
                                      size // self.graph.nodes[name].values["weight"].shape[0])  # fmt: skip
            before = name
            for after in nodes[place + 1 :]:
                for operator in self._operators(self.graph.nodes[after], before):
                    value = operator.apply(value)
                before = after
            layer = layers[target]
            if layer.keep_current is None:
                layers[target] = replace(layer, bias=layer.bias + gain * value)
            else:
                layers[target] = replace(layer, current_bias=layer.current_bias + gain * value)

    def _refuse_beyond(self, source: str) -> None:
        """A neuron that does not spike may only be read out."""
        waiting, seen = [source], {source}
        while waiting:
            for target in self.graph.targets(waiting.pop()):
                node = self.graph.nodes[target]
                if node.kind not in ("Output", JUNCTION, "Flatten"):
                    kind = self.graph.nodes[source].kind
                    self.faults.append(
                        f"node '{source}': found a {kind}, which never spikes, before '{target}'; "
                        "allowed: as an output of the graph"
                    )
                elif target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _outputs(self, order: list[str]) -> Iterator[str]:
        """The neurons that the graph's outputs show."""
        for output in self.graph.of_kind("Output"):
            waiting, seen = [output.name], set()
            while waiting:
                name = waiting.pop()
                for source in self.graph.sources(name):
                    if source in self.stops:
                        yield source
                    elif self.graph.nodes[source].kind in (JUNCTION, "Flatten"):
                        if source not in seen:
                            seen.add(source)
                            waiting.append(source)
                    else:
                        kind = self.graph.nodes[source].kind
                        self.faults.append(
                            f"node '{source}': found a {kind} before the output; allowed: a neuron, whose spikes leave"
                        )


def _product(chain: tuple[Operator, ...]) -> Operator:
    """The chain in one operator, multiplied out only where two of its members carry weights."""
    whole = chain[0]
    for operator in chain[1:]:
        whole = joined(whole, operator)
    return whole


def _merged(links: list[FloatLink]) -> Iterator[FloatLink]:
    """One link for each pair of layers and lag."""
    groups: dict[tuple[str, str, int], FloatLink] = {}
    for link in links:
        key = (link.source, link.target, link.lag)
        if key in groups:
            both = added(groups[key].operator, link.operator)
            groups[key] = replace(groups[key], operator=both, chain=(both,))
        else:
            groups[key] = link
    yield from groups.values()
