"""The network file: one `.npz` with integer arrays and a header that holds the whole profile.

A network always runs under the bits it was made for: the file's profile is checked against its hash, and
every array against the file's checksum.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..archive import read_archive, write_archive
from ..errors import FileError, NetworkError
from ..profile.check import find_faults
from ..profile.schema import Profile
from .geometry import Convolution, Pooling, Shape, Sparse
from .network import Integers, Network
from .parts import Population, Projection

SCHEMA = 1


def network_header(network: Network) -> dict[str, Any]:
    """What is known of a network besides its arrays, as JSON."""
    return {
        "profile_sha256": network.profile.digest,
        "profile": network.profile.to_json(),
        "network_sha256": network.digest,
        **network.describe(),
    }


def network_from(header: Mapping[str, Any], arrays: Mapping[str, Integers], place: str) -> Network:
    """The network of a header and its arrays. Raises FileError where they do not make one."""
    try:
        profile = Profile.from_json(header["profile"])
        faults = find_faults(profile)
        if faults:
            raise FileError(f"{place}: its profile '{profile.name}' cannot be run: {faults[0]}")
        if profile.digest != header["profile_sha256"]:
            raise FileError(f"{place}: its profile '{profile.name}' does not have the hash it was written with")
        rest = {name: _whole(array, name, place) for name, array in arrays.items()}
        populations = [_population(p, profile, rest) for p in header["populations"]]
        projections = [_projection(i, p, profile, rest) for i, p in enumerate(header["projections"])]
        if rest:
            raise FileError(f"{place}: holds arrays that belong to nothing: {', '.join(rest)}")
        network = Network(
            profile, header["inputs"], populations, projections, limits=header["limits"], task=header["task"]
        )
    except ValidationError:
        raise FileError(f"{place}: holds a profile that this bitspike cannot read") from None
    except NetworkError as error:
        raise FileError(f"{place}: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(f"{place}: its header is incomplete: {type(error).__name__} {error}") from None
    if network.digest != header.get("network_sha256"):
        raise FileError(f"{place}: the network does not have the hash it was written with")
    return network


def _whole(array: Integers, name: str, place: str) -> Integers:
    """The array, which has axes: a single value would be spread over whatever size the header says."""
    if array.ndim == 0 and not name.startswith("delays-"):
        raise FileError(f"{place}: {name} is a single value; an array is needed")
    return array


def _population(header: Mapping[str, Any], profile: Profile, arrays: dict[str, Integers]) -> Population:
    name = header["name"]
    words = profile.neurons[header["neuron"]].parameters
    parameters = {parameter: arrays.pop(f"{name}.{parameter}") for parameter in words}
    return Population(name, header["size"], parameters, header["neuron"], arrays.pop(f"{name}-aliases", None))


def _projection(index: int, header: Mapping[str, Any], profile: Profile, arrays: dict[str, Integers]) -> Projection:
    connection = profile.connections[header["via"]]
    own = (*connection.source_parameters, *connection.synapse_parameters)
    parameters = {**header["parameters"], **{name: arrays.pop(f"parameter-{index}-{name}") for name in own}}
    delays = arrays.pop(f"delays-{index}") if connection.delay is not None else 0
    weights, shape = arrays.pop(f"weights-{index}"), shape_from(index, header["shape"], arrays)
    return Projection(header["source"], header["target"], weights, header["via"], parameters, shape, delays)


def shape_from(index: int, header: Mapping[str, Any] | None, arrays: dict[str, Integers]) -> Shape | None:
    """The shape that `Network.describe` says of a projection; a list's ends are taken out of `arrays`."""
    if header is None:
        return None
    fields = {name: value for name, value in header.items() if name != "kind"}
    if header["kind"] == "Sparse":
        return Sparse(arrays.pop(f"pre-{index}"), arrays.pop(f"post-{index}"))
    shape: Shape = {"Convolution": Convolution, "Pooling": Pooling}[header["kind"]](**fields)
    return shape


def save_network(network: Network, path: str | os.PathLike[str]) -> None:
    """Write the network file, whole or not at all. Raises FileError."""
    write_archive(path, "network", {"schema": SCHEMA, **network_header(network)}, network.arrays())


def load_network(path: str | os.PathLike[str], profile: Profile | None = None) -> Network:
    """Read a network file and verify it. `profile`: refuse a network that was made for another one.

    Raises FileError.
    """
    place = os.fspath(path)
    header, arrays = read_archive(path, "network", SCHEMA)
    network = network_from(header, arrays, place)
    if profile is not None and profile.digest != network.profile.digest:
        raise FileError(
            f"{place}: made for profile '{network.profile.name}' ({network.profile.digest[:12]}), "
            f"not for '{profile.name}' ({profile.digest[:12]})"
        )
    return network
