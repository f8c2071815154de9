"""The network in a file of vectors: which layers and projections its keys name, of which sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from math import prod
from typing import Any

import numpy as np

from ..errors import FileError, NetworkError, suggest
from ..network import Convolution, Network, Pooling, Population, Projection, Sparse
from ..network.geometry import Shape
from ..profile import Profile
from ..profile.schema import INPUT, SPIKES
from ..trace import PAST
from .vector_keys import ONE, Integers, Keys

EVENTS, VALUE = "events", "value"  # names before a dot that are no layer's
INITIAL = "initial"
RECORDED = ("[sample, step, neuron]", "[step, neuron]")
SHAPES: dict[str, type[Shape]] = {"convolution": Convolution, "pooling": Pooling, "sparse": Sparse}
LAYER_KEYS, PROJECTION_KEYS = ("class", "aliases"), ("weights", "via", "delays")
_SIDES = (ONE, "[2]")
_FIELDS = {
    "input_shape": ("[3]",),
    **dict.fromkeys(("stride", "padding", "dilation", "size"), _SIDES),
    "groups": (ONE,),
    **dict.fromkeys(("pre", "post"), ("[synapse]",)),
}
_MOST = 1 << 24  # neurons of a layer, whose size may be a claim
_PROJECTION = re.compile(r"([A-Za-z_]\w*)-([A-Za-z_]\w*)(?:-(?:[2-9]|[1-9][0-9]+))?", re.ASCII)


@dataclass
class Layer:
    """What the keys of one layer hold. initial, recorded: by register or 'spikes', in the profile's order."""

    neuron: str | None = None
    parameters: dict[str, Integers] = field(default_factory=dict)
    aliases: Integers | None = None
    initial: dict[str, Integers] = field(default_factory=dict)
    recorded: dict[str, Integers] = field(default_factory=dict)


class Sizes:
    """How many neurons each layer has, and which key says so."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._found: dict[str, dict[int, str]] = {}

    def add(self, layer: str, size: int, key: str) -> None:
        """A key that says the size of a layer."""
        self._found.setdefault(layer, {}).setdefault(size, key)

    def of(self, layer: str) -> int:
        """The one size of a layer. Raises FileError where its keys disagree or none says it."""
        found = self._found.get(layer, {})
        if len(found) != 1:
            says = ", ".join(f"{size} by {key}" for size, key in found.items())
            message = f"found sizes {says}; allowed: one" if found else "no array says its size; give one [neuron]"
            raise FileError(f"{self.place}: layer '{layer}': {message}")
        ((size, key),) = found.items()
        if size > _MOST:
            raise FileError(f"{self.place}: layer '{layer}': found size {size:,} by {key}; allowed: at most {_MOST:,}")
        return size


@dataclass
class Parts:
    """Everything that a file says of a network, and what was recorded of it."""

    layers: dict[str, Layer]
    projections: list[Projection]
    sizes: Sizes

    def network(self, profile: Profile, limits: bool) -> Network:
        """The network, checked. Raises FileError, NetworkError."""
        named = {name: layer for name, layer in self.layers.items() if name != INPUT}
        populations = [
            Population(name, self.sizes.of(name), layer.parameters, layer.neuron, layer.aliases)
            for name, layer in named.items()
        ]
        if not populations:
            raise FileError(f"{self.sizes.place}: found no layer; allowed: one at least, as LAYER.PARAMETER")
        inputs = populations[0].size if profile.clock == "event" else self.sizes.of(INPUT)
        try:
            return Network(profile, inputs, populations, self.projections, limits=limits)
        except NetworkError as error:
            raise NetworkError([f"{self.sizes.place}: {fault}" for fault in error.faults]) from None


def read_profile(keys: Keys, profile: Profile) -> Profile:
    """The profile with the file's values. Raises FileError, InputError for values that it does not allow."""
    given = (key.removeprefix(f"{VALUE}.") for key in keys.names if key.startswith(f"{VALUE}."))
    values = {name: value for name in given if (value := keys.integer(f"{VALUE}.{name}")) is not None}
    if values:
        profile = profile.with_values(**values)
    clashes = [n for c in profile.connections.values() for n in _parameters(c) if n in PROJECTION_KEYS]
    clashes += [n for c in profile.neurons.values() for n in (*c.registers, *c.parameters) if n in LAYER_KEYS]
    for name in clashes:
        raise FileError(f"{keys.place}: profile '{profile.name}': '{name}' has the name of another key; rename it")
    return profile


def read_parts(keys: Keys, profile: Profile) -> Parts:
    """Layers and projections, of whatever sizes. Raises FileError for keys that are missing or of another form."""
    sizes = Sizes(keys.place)
    prefixes = dict.fromkeys(key.partition(".")[0] for key in keys.names if "." in key)
    pairs = {prefix: (match[1], match[2]) for prefix in prefixes if (match := _PROJECTION.fullmatch(prefix))}
    names = [prefix for prefix in prefixes if prefix not in (*pairs, EVENTS, VALUE, INPUT)]
    layers = {name: _layer(keys, profile, name, sizes) for name in names}
    layers[INPUT] = Layer(initial=dict(_initial(keys, INPUT, ())))
    for prefix, pair in pairs.items():
        for name in pair:
            if name not in layers:
                allowed = [INPUT, *names]
                keys.refuse(prefix, f"found layer '{name}'; allowed: {', '.join(allowed)}{suggest(name, allowed)}")
    return Parts(layers, [_projection(keys, profile, prefix, *pair, sizes) for prefix, pair in pairs.items()], sizes)


def _layer(keys: Keys, profile: Profile, name: str, sizes: Sizes) -> Layer:
    classes = list(profile.neurons)
    kind = keys.text(f"{name}.class")
    if kind is None and len(classes) == 1:
        kind = classes[0]
    if kind is None:
        for each in profile.neurons.values():  # so that no key of theirs is taken for a misspelt one
            dict(_found(keys, name, (*each.registers, *each.parameters, "aliases", SPIKES)))
        keys.missing(f"{name}.class", ", ".join(classes))
    if kind not in classes:
        keys.refuse(f"{name}.class", f"found '{kind}'; allowed: {', '.join(classes)}{suggest(kind, classes)}")
    neuron = profile.neurons[kind]
    layer = Layer(
        kind,
        dict(_found(keys, name, neuron.parameters, "[neuron]", ONE)),
        keys.integers(f"{name}.aliases", "[neuron, slot]"),
        dict(_initial(keys, name, neuron.registers)),
        dict(_found(keys, name, (*neuron.registers, SPIKES), *RECORDED)),
    )
    own = [*layer.recorded.items(), *layer.parameters.items()]
    own += [(f"{INITIAL}.{register}", array) for register, array in layer.initial.items()]
    for what, array in own:
        if array.ndim:
            sizes.add(name, array.shape[-1], f"{name}.{what}")
    if layer.aliases is not None:
        sizes.add(name, len(layer.aliases), f"{name}.aliases")
    return layer


def _found(keys: Keys, name: str, what: Any, *forms: str) -> Iterator[tuple[str, Integers]]:
    """The arrays that the file has of these."""
    for each in what:
        array = keys.integers(f"{name}.{each}", *forms)
        if array is not None:
            yield each, array


def _initial(keys: Keys, name: str, registers: Any) -> Iterator[tuple[str, Integers]]:
    for what, forms in (
        ((*registers, SPIKES), (ONE, "[neuron]", "[sample, neuron]")),
        ((PAST,), (ONE, "[step, neuron]", "[sample, step, neuron]")),
    ):
        yield from _found(keys, f"{name}.{INITIAL}", what, *forms)


def _parameters(connection: Any) -> Iterator[str]:
    yield from (*connection.parameters, *connection.source_parameters, *connection.synapse_parameters)


def _projection(keys: Keys, profile: Profile, prefix: str, source: str, target: str, sizes: Sizes) -> Projection:
    weights, shape = keys.integers(f"{prefix}.weights"), _shape(keys, prefix)
    names = dict.fromkeys(name for each in profile.connections.values() for name in _parameters(each))
    parameters, delays = dict(_found(keys, prefix, names)), keys.integers(f"{prefix}.delays")
    via = keys.text(f"{prefix}.via")
    if weights is None and not isinstance(shape, Pooling):
        keys.missing(f"{prefix}.weights", "integers")
    weights = np.ones(1, np.uint8) if weights is None else weights
    if shape is None and weights.ndim in (2, 3):
        sizes.add(source, weights.shape[0], f"{prefix}.weights")
        sizes.add(target, weights.shape[1], f"{prefix}.weights")
    elif isinstance(shape, Convolution | Pooling):
        _add_pictures(keys, prefix, shape, weights, source, target, sizes)
    return Projection(source, target, weights, via, parameters, shape, 0 if delays is None else delays)


def _shape(keys: Keys, prefix: str) -> Shape | None:
    """The shape whose keys the file has; None: dense."""
    given: dict[str, dict[str, Any]] = {}
    for kind, model in SHAPES.items():
        for each in fields(model):
            array = keys.integers(f"{prefix}.{kind}.{each.name}", *_FIELDS[each.name])
            if array is not None:
                given.setdefault(kind, {})[each.name] = array if model is Sparse else array.tolist()
    if not given:
        return None
    if len(given) > 1:
        keys.refuse(prefix, f"found keys of {' and '.join(given)}; allowed: one of them")
    ((kind, values),) = given.items()
    for each in fields(SHAPES[kind]):
        if each.default is MISSING and each.name not in values:
            keys.missing(f"{prefix}.{kind}.{each.name}", " or ".join(_FIELDS[each.name]))
    return SHAPES[kind](**values)


def _add_pictures(
    keys: Keys, prefix: str, shape: Convolution | Pooling, weights: Integers, source: str, target: str, sizes: Sizes
) -> None:
    """The sizes that a shape's pictures have, once they are ones."""
    pooled = isinstance(shape, Pooling)
    place = f"{prefix}.{'pooling' if pooled else 'convolution'}"
    entries = (1,) if pooled and not weights.ndim else weights.shape
    for fault in shape._faults(entries):
        keys.refuse(place, fault)
    output = shape.output_shape() if isinstance(shape, Pooling) else shape.output_shape(entries)
    sizes.add(source, prod(shape.input_shape), f"{place}.input_shape")
    sizes.add(target, prod(output), place)
