"""What can be wrong with a profile's shared names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..document.nodes import KEYS, Fault, Path
from .check_stages import Needs, unknown
from .connection import Connection
from .schema import NeuronClass, Profile
from .shared import Leak, Quantity, SharedClass, SharedConnection

Uses = list[tuple[Path, str]]  # parameters that something stands for, each with its place


def shared_faults(profile: Profile) -> Iterator[Fault]:
    """Classes, connections, registers and parameters that do not exist, or have no meaning, or two."""
    if profile.shared is None:
        return
    for name, shared in profile.shared.neurons.items():
        path: Path = ("shared", "neurons", name)
        yield from unknown(path, name, profile.neurons, (("neurons", KEYS),), key=True)
        if name in profile.neurons:
            yield from _class_faults(path, shared, profile.neurons[name], (("neurons", name),))
            yield from _lif_faults((*path, "lif"), shared, profile, name)
    for name, link in profile.shared.connections.items():
        path = ("shared", "connections", name)
        yield from unknown(path, name, profile.connections, (("connections", KEYS),), key=True)
        if name in profile.connections:
            yield from _connection_faults(path, link, profile.connections[name], (("connections", name),))


def _class_faults(path: Path, shared: SharedClass, neuron: NeuronClass, of: Needs) -> Iterator[Fault]:
    uses = _quantities((*path, "quantities"), shared.quantities)
    yield from _parameter_faults(path, uses, neuron.parameters, of)
    for quantity, register in shared.registers.items():
        yield from unknown((*path, "registers", quantity), register, neuron.registers, of)


def _lif_faults(path: Path, shared: SharedClass, profile: Profile, name: str) -> Iterator[Fault]:
    """Registers, quantities and values that do not exist; a neuron without a threshold."""
    if shared.lif is None:
        return
    own: Needs = (("neurons", name), path[:-1])
    yield from unknown((*path, "membrane"), shared.lif.membrane, profile.neurons[name].registers, own)
    leaks: list[tuple[Path, Leak]] = [((*path, "leak"), shared.lif.leak)]
    for register, current in shared.lif.currents.items():
        place = (*path, "currents", register)
        yield from unknown(place, register, profile.neurons[name].registers, own, key=True)
        leaks.append((place, current))
    for place, leak in leaks:
        if leak.shift is not None:
            yield from unknown((*place, "shift"), leak.shift, [*shared.quantities, *profile.values], own)
        if leak.loss is not None:
            yield from unknown((*place, "loss"), leak.loss, shared.quantities, own)
    if "threshold" not in shared.quantities:
        yield Fault((*path[:-1], "quantities"), "needs a quantity 'threshold' for 'lif'", key=True, needs=own)


def _connection_faults(path: Path, link: SharedConnection, connection: Connection, of: Needs) -> Iterator[Fault]:
    uses = _quantities((*path, "quantities"), link.quantities)
    exponents = {key: getattr(link.weight, key) for key in ("exponent", "format_exponent")}
    uses += [((*path, "weight", key), name) for key, name in exponents.items() if name is not None]
    yield from _parameter_faults(path, uses, connection.parameters, of, kept=link.keeps)
    for name, value in link.keeps.items():
        place, word = (*path, "keeps", name), connection.parameters.get(name)
        yield from unknown(place, name, connection.parameters, of, key=True)
        if word is not None and value not in word:
            yield Fault(place, f"found {value}; allowed: {word.min} to {word.max}", needs=of)


def _quantities(path: Path, quantities: Mapping[str, Quantity]) -> Uses:
    """What each quantity is made of."""
    uses = [((*path, name, "of"), quantity.of) for name, quantity in quantities.items()]
    exponents = ((name, quantity.exponent) for name, quantity in quantities.items())
    return uses + [((*path, name, "exponent"), exponent) for name, exponent in exponents if exponent is not None]


def _parameter_faults(
    path: Path, uses: Uses, parameters: Collection[str], of: Needs, kept: Collection[str] = ()
) -> Iterator[Fault]:
    """A parameter stands for one thing at most: what stands for two could not be solved for."""
    seen: set[str] = set(kept)
    for place, name in uses:
        yield from unknown(place, name, parameters, of)
        if name in seen:
            message = f"found '{name}' again; allowed: a parameter that stands for nothing else"
            yield Fault(place, message, needs=(path,))
        seen.add(name)
