"""What can be wrong with a profile's shared names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..document.nodes import KEYS, Fault, Path
from .check_stages import Needs, unknown
from .schema import Profile
from .shared import Quantity


def shared_faults(profile: Profile) -> Iterator[Fault]:
    """Classes, connections, registers and parameters that do not exist, or have no meaning."""
    if profile.shared is None:
        return
    for name, shared in profile.shared.neurons.items():
        path: Path = ("shared", "neurons", name)
        yield from unknown(path, name, profile.neurons, (("neurons", KEYS),), key=True)
        if name in profile.neurons:
            neuron, of = profile.neurons[name], (("neurons", name),)
            yield from _quantity_faults((*path, "quantities"), shared.quantities, neuron.parameters, of)
            for quantity, register in shared.registers.items():
                yield from unknown((*path, "registers", quantity), register, neuron.registers, of)
    for name, link in profile.shared.connections.items():
        path = ("shared", "connections", name)
        yield from unknown(path, name, profile.connections, (("connections", KEYS),), key=True)
        if name in profile.connections:
            connection, of = profile.connections[name], (("connections", name),)
            yield from _quantity_faults((*path, "quantities"), link.quantities, connection.parameters, of)
            for kept in link.keeps:
                yield from unknown((*path, "keeps", kept), kept, connection.parameters, of, key=True)
            for key in ("exponent", "format_exponent"):
                exponent = getattr(link.weight, key)
                if exponent is not None:
                    yield from unknown((*path, "weight", key), exponent, connection.parameters, of)


def _quantity_faults(
    path: Path, quantities: Mapping[str, Quantity], parameters: Collection[str], needs: Needs
) -> Iterator[Fault]:
    for name, quantity in quantities.items():
        yield from unknown((*path, name, "of"), quantity.of, parameters, needs)
        if quantity.exponent is not None:
            yield from unknown((*path, name, "exponent"), quantity.exponent, parameters, needs)
