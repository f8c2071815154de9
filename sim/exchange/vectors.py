"""Vectors: a network, its input and what a chip recorded, one `.npz` file that `bitspike verify` checks a profile by.

A key is a name and a dot and what of it. `LAYER` is a layer's name (letters, digits, underscores; not `input`, `events`
or `value`), `SOURCE` is a layer or `input`, `TARGET` is a layer; the other names in capitals are the profile's.
An array holds integers (booleans are 0 and 1), or text where it says so; floating point numbers are refused, even whole
ones. A key that is not listed here, or that the profile does not have, is refused too.
`numpy.savez(path, **{key: array})` writes such a file.

What went in, clock: step
    input                   [sample, step, channel], or [step, channel] for one sample; of the profile's input word

What went in, clock: event, [event], or [sample, event] for streams of one length
    events.kind             text: the name of each event's kind
    events.source           the address of the neuron that spiked; of kinds with `over`
    events.neuron           the address of the neuron that is reached; of kinds with `reaches: one`
    events.FIELD            a field of the profile's kinds
                            A value is ignored where the event's kind does not carry it, and a key may be left out where
                            no event does.

Layers, in the order in which their names first stand before a dot in the file. Each has one key at least
    LAYER.class             text, one value: the neuron class; may be left out where the profile has one class only
    LAYER.PARAMETER         [neuron], or one integer for all; every parameter of the class
    LAYER.aliases           [neuron, slot]: neurons that receive copies of its spikes, -1: none; of a class that relays
    LAYER.initial.REGISTER  [neuron], [sample, neuron] or one integer: before the first step or event; left out: 0
    LAYER.initial.spikes    the same: what it emitted in the step before the first; left out: 0. Also for LAYER `input`
    LAYER.initial.past      [step, neuron] or [sample, step, neuron]: what it emitted in the steps before that one, the
                            oldest first, where delays reach back so far; left out: 0. Also for LAYER `input`

What was recorded: one array at least; the others are not compared
    LAYER.REGISTER          [sample, step, neuron] or [step, neuron]: the register at the end of each step
                            (clock: event: [sample, event, neuron] or [event, neuron], once the core is idle after each
                            event from outside); of the register's word, signed if that is signed
    LAYER.spikes            the same shape: what each neuron emitted in each step (how many spikes during each event)

Projections; a second one of the same two layers is `SOURCE-TARGET-2`, a third `SOURCE-TARGET-3`
    SOURCE-TARGET.weights   [pre, post], or [pre, post, synapse] where the connection reaches several registers, or one
                            integer: the same everywhere. Not dense: see below
    SOURCE-TARGET.via       text, one value: the profile's connection; may be left out where only one fits
    SOURCE-TARGET.PARAMETER a parameter of the connection: one integer; one of its source_parameters: [pre]; one of its
                            synapse_parameters: the shape of the weights, [pre, post] where they are dense
    SOURCE-TARGET.delays    one integer, [pre] or the shape of the weights, as the connection's delay says; left out: 0

A projection that is not dense has keys of one of three shapes; pictures are numbered [channel, height, width]
    SOURCE-TARGET.convolution.input_shape   [3]: channels, height and width of the source. The weights are kernels [out
                                            channels, in channels / groups, height, width]
    SOURCE-TARGET.convolution.stride        one integer or [2]: height, width; left out: 1
    SOURCE-TARGET.convolution.padding       the same; left out: 0
    SOURCE-TARGET.convolution.dilation      the same; left out: 1
    SOURCE-TARGET.convolution.groups        one integer; left out: 1
    SOURCE-TARGET.pooling.input_shape       [3]: channels, height and width of the source. The weights are one integer,
                                            or left out: 1
    SOURCE-TARGET.pooling.size              one integer or [2]: height and width of the windows
    SOURCE-TARGET.pooling.stride            the same; left out: the size
    SOURCE-TARGET.sparse.pre                [synapse]: the source neuron of each. The weights are [synapse], or one
                                            integer
    SOURCE-TARGET.sparse.post               [synapse]: the target neuron of each

The profile
    value.NAME              one integer: a value of the profile, where the network sets it

The size of a layer is that of its arrays: of what was recorded, its parameters, or its weights; they must agree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..engine import initial_state
from ..engine.given import check_spikes
from ..errors import FileError, InputError, suggest
from ..events import ABSENT, Events
from ..network import Network
from ..profile import Profile
from ..profile.schema import INPUT, SPIKES, register_word, storage
from ..trace import PAST, LayerTrace, State, Trace
from .vector_keys import Integers, Keys
from .vector_network import EVENTS, INITIAL, Layer, Parts, read_parts, read_profile


@dataclass(frozen=True, eq=False)
class Vectors:
    """What a file of vectors holds.

    network: under the profile, with the file's values. input: [sample, step, channel]; clock: event: the stream of each
    sample. state: before the first step or event. expected: what was recorded, every layer with those registers only;
    spikes that were not recorded are [sample, step, 0].
    """

    network: Network
    input: Integers | list[Events]
    state: State
    expected: Trace

    @property
    def recorded(self) -> tuple[str, ...]:
        """The keys of what was recorded, layer by layer."""
        layers = self.expected.layers.items()
        return tuple(
            f"{name}.{what}"
            for name, layer in layers
            for what in (*layer.registers, *([SPIKES] if layer.spikes.shape[2] else []))
        )


def load_vectors(path: str | os.PathLike[str], profile: Profile, *, limits: bool = True) -> Vectors:
    """Read vectors for a profile; the keys are this module's docstring. limits: False ignores the chip's size.

    Raises FileError, which names file and key, and NetworkError for a network that the profile cannot hold.
    """
    keys = Keys(path)
    try:
        profile = read_profile(keys, profile)
        parts = read_parts(keys, profile)
        if profile.clock == "step":
            counts, streams = _counts(keys, parts), []
        else:
            counts, streams = None, _streams(keys, profile)
        keys.finish()
        if not any(layer.recorded for layer in parts.layers.values()):
            raise FileError(f"{keys.place}: nothing to verify; allowed: one LAYER.REGISTER or LAYER.spikes at least")
        network = parts.network(profile, limits)
        given = _checked(counts, streams, network)
    except InputError as error:
        raise FileError(f"{keys.place}: {str(error).splitlines()[0]}") from None
    shape = given.shape[:2] if isinstance(given, np.ndarray) else (len(given), len(given[0]))
    expected = {p.name: _recorded(keys, network, p.name, parts.layers[p.name], shape) for p in network.populations}
    return Vectors(network, given, _state(keys, network, parts, shape[0]), Trace(expected, network.digest))


def _counts(keys: Keys, parts: Parts) -> Integers:
    """What the input channels carry."""
    array = keys.integers(INPUT, "[sample, step, channel]", "[step, channel]")
    if array is None:
        keys.missing(INPUT, "[sample, step, channel] or [step, channel]")
    parts.sizes.add(INPUT, array.shape[-1], INPUT)
    return array


def _streams(keys: Keys, profile: Profile) -> list[Events]:
    """The events of each sample, each with the values that its kind carries."""
    forms, names = ("[event]", "[sample, event]"), list(profile.events)
    fields = dict.fromkeys(field for kind in profile.events.values() for field in (*kind.addresses, *kind.fields))
    given = {field: keys.integers(f"{EVENTS}.{field}", *forms) for field in fields}
    kinds = keys.texts(f"{EVENTS}.kind", *forms)
    if kinds is None:
        keys.missing(f"{EVENTS}.kind", " or ".join(forms))
    if not kinds.size:
        keys.refuse(f"{EVENTS}.kind", f"found shape {kinds.shape}; allowed: one event at least")
    for index, name in np.ndenumerate(kinds):
        if name not in names:
            place = f"{EVENTS}.kind[{', '.join(map(str, index))}]"
            keys.refuse(place, f"found {name!r}; allowed: {', '.join(names)}{suggest(name, names)}")
    numbers = np.array([names.index(str(name)) for name in kinds.flat], np.int64).reshape(kinds.shape)
    values = {}
    for field, array in given.items():
        if array is not None and array.shape != kinds.shape:
            keys.refuse(f"{EVENTS}.{field}", f"found shape {array.shape}; allowed: {kinds.shape}, as {EVENTS}.kind")
        if array is not None:
            values[field] = array
    rows = [...] if kinds.ndim == 1 else range(len(kinds))
    return [stream(profile, numbers[row], {n: column[row] for n, column in values.items()}) for row in rows]


def stream(profile: Profile, kinds: Integers, values: Mapping[str, Integers]) -> Events:
    """Events by the numbers of their kinds in the profile; a value that its event does not carry is ignored."""
    carried = [(*kind.addresses, *kind.fields) for kind in profile.events.values()]
    carries = {field: np.array([field in each for each in carried])[kinds] for field in values}
    columns = {field: np.where(carries[field], column, ABSENT) for field, column in values.items()}
    return Events(tuple(profile.events), kinds.astype(np.int64), columns)


def _checked(counts: Integers | None, streams: list[Events], network: Network) -> Integers | list[Events]:
    """The input as the network takes it. Raises InputError, naming the key."""
    if counts is None:
        for sample, stream in enumerate(streams):
            stream.fitted(network, f"{EVENTS}: sample {sample}, " if len(streams) > 1 else f"{EVENTS}: ")
        return streams
    try:
        return check_spikes(counts, network)
    except InputError as error:
        raise InputError(f"{INPUT}: {str(error).removeprefix('spikes: ')}") from None


def _recorded(keys: Keys, network: Network, name: str, layer: Layer, shape: tuple[int, ...]) -> LayerTrace:
    """What was recorded of a layer, [sample, step, neuron]."""
    whole = (*shape, network.size(name))
    recorded: dict[str, Integers] = {}
    for what, array in layer.recorded.items():
        if array.shape not in (whole, *([whole[1:]] if shape[0] == 1 else [])):
            samples, steps = "samples", "events" if network.profile.clock == "event" else "steps"
            keys.refuse(f"{name}.{what}", f"found shape {array.shape}; allowed: {whole}: {samples}, {steps}, neurons")
        keys.within(f"{name}.{what}", array, *_range(network, name, what))
        recorded[what] = array.reshape(whole)
    spikes = recorded.pop(SPIKES, np.zeros((*shape, 0), np.uint8))
    neuron = network.neuron_class(network.population(name))
    return LayerTrace(spikes, recorded, {}, {register: str(register_word(neuron, register)) for register in recorded})


def _state(keys: Keys, network: Network, parts: Parts, samples: int) -> State:
    """Every register before the first step, and the spikes on their way."""
    state = initial_state(network, samples)
    for name, layer in parts.layers.items():
        for what, array in layer.initial.items():
            key = f"{name}.{INITIAL}.{what}"
            if what not in state[name]:
                keys.refuse(key, "no delay of this network reaches back so far")
            whole = state[name][what]
            if array.shape not in ((), whole.shape[1:], whole.shape):
                keys.refuse(key, f"found shape {array.shape}; allowed: {whole.shape[1:]} or {whole.shape}")
            keys.within(key, array, *_range(network, name, what))
            whole[...] = array
    return state


def _range(network: Network, name: str, what: str) -> tuple[int, int, str]:
    """The least and the most that a register or what is emitted can be, and why."""
    if name == INPUT:
        return network.input_word.min, network.input_word.max, str(network.input_word)
    neuron = network.neuron_class(network.population(name))
    if what not in (SPIKES, PAST):
        word = storage(neuron, what)
        return word.min, word.max, str(neuron.registers[what])
    return *emission(network, name), "what a neuron emits"


def emission(network: Network, name: str) -> tuple[int, int]:
    """The least and the most that a neuron of a layer emits in a step, or during an event from outside."""
    least, most = network.neuron_class(network.population(name)).emission
    if network.profile.clock == "event" and network.profile.queue is not None:
        most += network.profile.queue.limit
    return least, most
