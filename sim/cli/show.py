"""`bitspike show`: what a profile computes, in words and stages, or how the engine computes it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ..network import Network, Projection, Sparse, load_network
from ..profile import Profile, load_profile
from ..profile.connection import Connection
from ..profile.events import EventKind, Until
from ..profile.schema import NeuronClass
from ..profile.shared import Quantity
from ..profile.text import flow, lif_rows, quantity_text, shared_weight_text, stage_lines
from ..word import Word
from . import show_engine
from .common import add_json, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("profile", help="a shipped profile, a profile's .yaml, or a network's .npz")
    parser.add_argument("--engine", action="store_true", help="which code the compiled engine runs for it, and why")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print the profile."""
    network = load_network(args.profile) if args.profile.endswith(".npz") else None
    profile = network.profile if network else load_profile(args.profile)
    if args.engine:
        show_engine.show(network or profile, args.json)
        return 0
    if args.json:
        print_json({"profile": json.loads(profile.to_json()), **({"network": network.describe()} if network else {})})
        return 0
    if network is not None:
        _print_network(network)
    _print_profile(profile)
    return 0


def _print_network(network: Network) -> None:
    rows = [("input", "", network.inputs), *((p.name, p.neuron, p.size) for p in network.populations)]
    print_table(f"Network {network.digest[:12]}", ("layer", "class", "neurons"), rows)
    links = [
        (f"{p.source} to {p.target}", p.via, _shape(p), _delays(network, p), _parameters(network, p))
        for p in network.projections
    ]
    print_table("Projections", ("from, to", "connection", "synapses", "delay", "parameters"), links)


def _shape(projection: Projection) -> str:
    """What joins what: `dense, weights 2 x 3 x 1`, `convolution, kernels 4 x 1 x 3 x 3, input_shape 1 x 8 x 8, ...`."""
    sides = " x ".join(map(str, np.shape(projection.weights)))
    if projection.shape is None:
        return f"dense, weights {sides}"
    if isinstance(projection.shape, Sparse):
        return f"sparse, {sides} synapses"
    settings = ", ".join(f"{name} {_sides(value)}" for name, value in asdict(projection.shape).items())
    return f"{type(projection.shape).__name__.lower()}, weights {sides}, {settings}"


def _sides(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _delays(network: Network, projection: Projection) -> str:
    delays = np.asarray(projection.delays)
    if network.connection(projection).delay is None or not delays.size:
        return ""
    low, high = int(delays.min()), int(delays.max())
    return str(high) if low == high else f"{low} to {high}"


def _parameters(network: Network, projection: Projection) -> str:
    own = network.connection(projection).parameters
    return ", ".join(f"{name} {int(np.asarray(projection.parameters[name]))}" for name in own)


def _print_profile(profile: Profile) -> None:
    print(f"{profile.name}: {profile.title}")
    print(f"follows {profile.source.name} {profile.source.version} ({profile.source.kind}). {profile.source.note}")
    channel = f"; an input channel carries {profile.input} in a step" if profile.input else ""
    print(f"clock: {profile.clock}{channel}")
    values = [(name, v.value, f"{v.min} to {v.max}", v.note) for name, v in profile.values.items()]
    if values:
        _head("Values that a network may set")
        print_table("", ("value", "here", "range", ""), values)
    for name, neuron in profile.neurons.items():
        _print_class(name, neuron, profile)
    for name, connection in profile.connections.items():
        _print_connection(name, connection, profile)
    for name, event in profile.events.items():
        _print_event(name, event)
    if profile.queue is not None:
        queue = profile.queue.model_dump(mode="json", exclude_none=True)
        _head("Queue of the core's own spikes")
        print_table("", ("", ""), [(key, flow(value)) for key, value in queue.items()])
    if limits := _limits(profile):
        _head("Limits")
        print_table("", ("limit", "at most"), limits)
    if profile.quirks:
        _head("Quirks")
        print_table("", ("quirk", ""), profile.quirks.items())


def _head(text: str) -> None:
    print(f"\n=== {text}")


def _print_class(name: str, neuron: NeuronClass, profile: Profile) -> None:
    _head(f"Neuron class {name}")
    _print_words("Registers", "register", neuron.registers)
    _print_words("Parameters", "parameter", neuron.parameters)
    _print_words("Derived once", "value", neuron.derived)
    _print_stages("Derived by", neuron.prepare)
    _print_stages("Every step" if profile.clock == "step" else "Every event that reaches it", neuron.step)
    if neuron.relay is not None:
        relay = neuron.relay
        print(f"Spikes are copied to aliases in {relay.order} order, {relay.cap} a neuron and step at most.\n")
    if neuron.output_unless is not None:
        print(f"Spikes leave the neuron unless {neuron.output_unless} is not 0.\n")
    if profile.shared is not None and name in profile.shared.neurons:
        shared = profile.shared.neurons[name]
        rows = [*_formulas(shared.quantities), *((each, f"register {r}") for each, r in shared.registers.items())]
        _print_rows(f"Shared with other profiles as {shared.shared_as}", ("shared", "here"), rows)
        if shared.lif is not None:
            _print_rows("As leaky integrate-and-fire", ("part", "here"), list(lif_rows(shared.lif)))


def _print_connection(name: str, connection: Connection, profile: Profile) -> None:
    c = connection
    rows = [
        ("from, to", f"{', '.join(c.sources)} to {c.target}"),
        ("into", ", ".join(c.into)),
        ("timing", f"{c.timing}, sources in {c.order} order"),
        ("fitted", "after each source" if c.fit_per == "source" else "once, after the sum of the step"),
        ("spikes that act", _cap(c.cap)),
        ("weight", f"{_word(c.weight.word)}, {_range(c.weight.range)}{', narrow' if c.weight.narrow else ''}"),
    ]
    rows += [("delay", f"one a {c.delay.per}, {_word(c.delay.word)}, {_span(c.delay.word)} steps")] if c.delay else []
    rows += [("kernels", f"applied as a {c.kernel}")] if c.kernel else []
    rows += [("sum", f"{_word(c.sum.word)}")] if c.sum else []
    _head(f"Connection {name}")
    print_table("", ("", ""), rows)
    _print_words("Parameters", "parameter", c.parameters)
    _print_words("Parameters of each source", "parameter", c.source_parameters)
    _print_words("Parameters of each synapse", "parameter", c.synapse_parameters)
    _print_words("Derived once", "value", c.derived)
    _print_stages("Derived by", c.prepare)
    _print_stages("What a weight becomes", c.weight.format)
    if c.sum:
        _print_stages("What the sum becomes", c.sum.then)
    if profile.shared is not None and name in profile.shared.connections:
        shared = profile.shared.connections[name]
        rows = [("weight", shared_weight_text(shared.weight)), *_formulas(shared.quantities)]
        rows += [(key, f"{value} in a rebound network") for key, value in shared.keeps.items()]
        _print_rows(f"Shared with other profiles as {shared.shared_as}", ("shared", "here"), rows)


def _cap(cap: int | str) -> str:
    """How many spikes of a source in a step act."""
    named = {"none": "all", "nonzero": "one, of whatever is not 0"}
    return named.get(str(cap), f"{cap} of a source and step at most")


def _print_event(name: str, event: EventKind) -> None:
    last = event.reaches.last if isinstance(event.reaches, Until) else None
    whom = (
        f"neurons 0 to {last}" if last is not None else {"all": "all neurons", "one": "its neuron"}[str(event.reaches)]
    )
    rows = [
        ("reaches", whom),
        ("carries", ", ".join((*event.addresses, *event.fields)) or "nothing"),
        ("queued", "yes, from outside it holds a slot of the queue" if event.queued else "no"),
    ]
    rows += [("over", f"{event.over}, the weight of (source, neuron)")] if event.over else []
    _head(f"Event {name}")
    print_table("", ("", ""), rows)
    _print_words("Fields", "field", event.fields)
    _print_stages("What it does to each neuron, before the class's own stages", event.do)


def _formulas(quantities: Mapping[str, Quantity]) -> list[tuple[str, str]]:
    return [(name, quantity_text(quantity)) for name, quantity in quantities.items()]


def _print_words(title: str, what: str, words: Mapping[str, Word]) -> None:
    _print_rows(title, (what, "word", "range"), [(name, _word(word), _span(word)) for name, word in words.items()])


def _print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table, unless it has no rows."""
    listed = list(rows)
    if listed:
        print_table(title, columns, listed)


def _print_stages(title: str, items: Sequence[Any]) -> None:
    """Stages as the profile writes them, numbered."""
    if not items:
        return
    print(f"{title}\n")
    for number, item in enumerate(items, 1):
        first, *rest = stage_lines([item.model_dump(mode="json", exclude_none=True)])
        print(f"  {number:2}  {first}", *(f"      {line}" for line in rest), sep="\n")
    print()


def _word(word: Word) -> str:
    """A word as the profile writes it, with its bits where a value gives them."""
    return str(word) if word.width is None else f"{word} (width: {word.width})"


def _span(word: Word) -> str:
    return _range((word.min, word.max))


def _range(ends: tuple[int, int]) -> str:
    return f"{ends[0]} to {ends[1]}"


def _limits(profile: Profile) -> list[tuple[str, int]]:
    limits: list[tuple[str, int]] = []
    for kind, bound in profile.limits.model_dump(exclude_none=True).items():
        limits += (
            [(f"{kind} {name}", most) for name, most in bound.items()] if isinstance(bound, dict) else [(kind, bound)]
        )
    return limits
