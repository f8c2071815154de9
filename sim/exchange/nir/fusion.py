"""A NIR graph as layers and links: chains of linear nodes are fused, and their biases go to the neurons behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from math import prod

import numpy as np

from ...errors import NetworkError
from ...profile.schema import INPUT
from .conventions import Conventions
from .dynamics import gain_of, neurons_of
from .graph import JUNCTION, NEURONS, SILENT, Graph, Node
from .layers import FloatLayer, FloatLink, FloatNetwork, Floats
from .operators import Diagonal, Matrix, Operator, TooLargeError, added, joined
from .pictures import Shape, picture_operator
from .shapes import found_shapes

MAX_PATHS = 10_000
_DELAY_ERROR = 1e-3  # of a step: delays are whole steps


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
        layers = {
            name: neurons_of(self.graph.nodes[name], prod(self.shapes[name]), self.conventions, self.faults)
            for name in order
        }
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
        gain = gain_of(self.graph.nodes[target], layer, self.conventions)
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
