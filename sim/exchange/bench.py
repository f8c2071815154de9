"""Vectors for a test bench of someone else's: a folder that every HDL simulator reads.

    manifest.json    of which profile and network, and what each file holds: word, axes, address, checksum
    network.npz      the network
    stimulus/        what goes in: `input`, or with clock: event `kind` and what each event carries
    expected/        LAYER.REGISTER at the end of each step and LAYER.spikes in each step; with clock: event once the
                     core is idle after each event from outside, and how many spikes left the neuron during it

Each array is there as `.hex`, words of two's complement for `$readmemh`, one a line, and as `.csv`, a row of decimal
numbers a step or event. The manifest is written last: a folder with a manifest is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..archive import write_text
from ..engine import run
from ..engine.event_run import read_events
from ..engine.given import check_spikes
from ..errors import FileError, InputError
from ..events import Events
from ..network import Network, load_network, save_network
from ..network.network import Integers
from ..profile.schema import INPUT, SPIKES, holding, register_word
from ..raster import Raster
from ..trace import Trace
from ..word import Word
from .image import MANIFEST, Image, read_image, read_text, sha256, start_folder
from .selection import Chosen, Layers, choose, registers_of
from .vectors import emission, stream

FORMAT, SCHEMA = "bitspike-vectors", 1
NETWORK, STIMULUS, EXPECTED = "network.npz", "stimulus", "expected"
HEX = "hex"
KIND = "kind"
NEURON, CHANNEL = "n", "c"  # what the columns of a table are called, before a number


@dataclass(frozen=True)
class Table:
    """An image that is a table as well: a row a step or event, with its number and that of its sample before it.

    samples: the number of each sample in the run that it was chosen from. columns: the names of the others.
    """

    image: Image
    samples: Sequence[int]
    columns: Sequence[str]

    @cached_property
    def csv(self) -> str:
        """The table as text."""
        rows = self.image.values.reshape(-1, len(self.columns)).tolist()
        labels = product(self.samples, range(self.image.values.shape[1]))
        head = ",".join([*self.image.axes[:2], *self.columns])
        lines = (
            f"{sample},{step},{','.join(map(str, row))}\n" for (sample, step), row in zip(labels, rows, strict=True)
        )
        return "".join((f"{head}\n", *lines))

    @property
    def entry(self) -> dict[str, Any]:
        """What the manifest says of both files."""
        csv = {"file": f"{self.image.array}.csv", "columns": list(self.columns), "sha256": sha256(self.csv)}
        return {**self.image.entry, "csv": csv}


@dataclass(frozen=True, eq=False)
class Expected:
    """What must come out of the chosen neurons of a layer: values [sample, step, chosen neuron] of a register."""

    layer: str
    register: str
    neurons: tuple[int, ...]
    word: Word
    values: Integers


@dataclass(frozen=True, eq=False)
class Bench:
    """A folder of vectors that was read back.

    samples: the number of each sample in the run that it was chosen from. stimulus: by name, [sample, step, channel] or
    [sample, event]. expected: by `LAYER.REGISTER`.
    """

    network: Network
    samples: tuple[int, ...]
    stimulus: Mapping[str, Integers]
    expected: Mapping[str, Expected]

    @property
    def spikes(self) -> Any:
        """The stimulus as `run` takes it."""
        profile = self.network.profile
        if profile.clock == "step":
            return self.stimulus[INPUT]
        values = {name: array for name, array in self.stimulus.items() if name != KIND}
        kinds = self.stimulus[KIND]
        return [stream(profile, kinds[row], {n: each[row] for n, each in values.items()}) for row in range(len(kinds))]


def write_bench(
    folder: str | os.PathLike[str],
    network: Network,
    spikes: ArrayLike | Raster | Events | Sequence[Events],
    *,
    layers: Layers = None,
    registers: Iterable[str] | None = None,
    samples: Sequence[int] | None = None,
    engine: str = "compiled",
) -> list[str]:
    """Run a network and write what goes in and what must come out; returns the names of the files.

    spikes, engine: as for `run`. layers: names, or by name the neurons of each; registers: names, 'spikes' among them;
    samples: numbers. Whatever is None is written whole. Raises InputError, FileError, OverflowRefusedError.
    """
    chosen = choose(registers_of(network), layers, registers)
    given, numbers = _sampled(network, spikes, samples)
    record = dict.fromkeys(name for each in chosen.values() for name in each.registers if name != SPIKES)
    trace = run(network, given, record=record, engine=engine)
    root = start_folder(folder)
    listed = {
        STIMULUS: _write(root / STIMULUS, _stimulus(network, given, numbers)),
        EXPECTED: _write(root / EXPECTED, _expected(network, trace, chosen, numbers)),
    }
    save_network(network, root / NETWORK)
    write_text(root / MANIFEST, json.dumps({**_described(network, trace, numbers), **listed}, indent=1) + "\n")
    files = [f"{where}/{name}" for where in listed for entry in listed[where] for name in _files(entry)]
    return [*files, NETWORK, MANIFEST]


def _sampled(network: Network, spikes: Any, samples: Sequence[int] | None) -> tuple[Any, list[int]]:
    """The chosen samples of the input, and their numbers."""
    given: Any = [spikes] if isinstance(spikes, Events) else spikes
    if network.profile.clock == "step":
        given = check_spikes(spikes, network)
    else:
        read_events(given, network)
    numbers = list(range(len(given))) if samples is None else list(samples)
    for sample in numbers:
        if isinstance(sample, bool) or not isinstance(sample, int | np.integer) or not 0 <= sample < len(given):
            raise InputError(f"sample: found {sample!r}; allowed: 0 to {len(given) - 1}")
    if not numbers or len(set(numbers)) < len(numbers):
        raise InputError(f"samples: found {numbers}; allowed: one at least, none twice")
    numbers = [int(sample) for sample in numbers]
    return (given[numbers] if isinstance(given, np.ndarray) else [given[sample] for sample in numbers]), numbers


def _stimulus(network: Network, given: Any, samples: Sequence[int]) -> Iterator[Table]:
    """What goes in."""
    if network.profile.clock == "step":
        axes, columns = ("sample", "step", "channel"), [f"{CHANNEL}{channel}" for channel in range(network.inputs)]
        image = Image(INPUT, "what each channel carries in each step", network.input_word, axes, given, HEX)
        yield Table(image, samples, columns)
        return
    streams, kinds = read_events(given, network), network.profile.events
    numbers = ", ".join(f"{number}: {name}" for number, name in enumerate(kinds))
    arrays = {KIND: (f"the kind of each event; {numbers}", holding(0, len(kinds) - 1))}
    for name in streams[0].values:
        carriers = [kind for kind, event in kinds.items() if name in (*event.addresses, *event.fields)]
        arrays[name] = (f"of events {', '.join(carriers)}; 0 where none is carried", _carried(network, name))
    for name, (holds, word) in arrays.items():
        values = np.array([each.kind if name == KIND else each.values[name] for each in streams])
        yield Table(Image(name, holds, word, ("sample", "event"), values, HEX), samples, [name])


def _carried(network: Network, name: str) -> Word:
    """The word of an address, or of a field of events."""
    words = [event.fields[name] for event in network.profile.events.values() if name in event.fields]
    if not words:
        return holding(0, network.populations[0].size - 1)
    return holding(min(word.min for word in words), max(word.max for word in words))


def _expected(network: Network, trace: Trace, chosen: Mapping[str, Chosen], samples: Sequence[int]) -> Iterator[Table]:
    """What must come out."""
    clock = network.profile.clock
    for layer, each in chosen.items():
        neurons, recorded = list(each.neurons), {**trace[layer].registers, SPIKES: trace[layer].spikes}
        for register in each.registers:
            when = "in" if register == SPIKES else "at the end of"
            holds = f"{register} of the neurons of {layer} {when} each {clock}"
            axes, values = ("sample", clock, "neuron"), recorded[register][:, :, neurons]
            image = Image(f"{layer}.{register}", holds, _word(network, layer, register), axes, values, HEX)
            yield Table(image, samples, [f"{NEURON}{each}" for each in neurons])


def _word(network: Network, layer: str, register: str) -> Word:
    """What holds a register, or what a neuron emits."""
    if register == SPIKES:
        return holding(*emission(network, layer))
    return register_word(network.neuron_class(network.population(layer)), register)


def _write(folder: Path, tables: Iterator[Table]) -> list[dict[str, Any]]:
    """Write both files of each table; returns what the manifest says of them."""
    start_folder(folder)
    entries = []
    for table in tables:
        entries.append(table.entry)
        for name, text in zip(_files(table.entry), (table.image.text, table.csv), strict=True):
            write_text(folder / name, text)
    return entries


def _files(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["file"], entry["csv"]["file"]


def _described(network: Network, trace: Trace, samples: Sequence[int]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "profile": network.profile.name,
        "profile_sha256": network.profile.digest,
        "network": NETWORK,
        "network_sha256": network.digest,
        "clock": network.profile.clock,
        "samples": list(samples),
        f"{network.profile.clock}s": trace.spikes.shape[1],
    }


def read_bench(folder: str | os.PathLike[str]) -> Bench:
    """Read what `write_bench` wrote, every `.hex` file and the network verified. Raises FileError."""
    root = Path(folder)
    place = root / MANIFEST
    try:
        manifest = json.loads(read_text(place))
        if manifest["format"] != FORMAT or manifest["schema"] != SCHEMA:
            found = f"{manifest['format']} schema {manifest['schema']}"
            raise FileError(f"{place}: found {found}; allowed: {FORMAT} {SCHEMA}")
        network = load_network(root / NETWORK)
        if network.digest != manifest["network_sha256"]:
            raise FileError(f"{root / NETWORK}: not the network that these vectors were written for")
        stimulus, expected = (
            {entry["array"]: read_image(root / where, place, entry) for entry in manifest[where]}
            for where in (STIMULUS, EXPECTED)
        )
        samples = tuple(map(int, manifest["samples"]))
        outputs = {entry["array"]: _found(network, entry, expected[entry["array"]]) for entry in manifest[EXPECTED]}
        bench = Bench(network, samples, stimulus, outputs)
        shapes = {values.shape[:2] for values in (*stimulus.values(), *expected.values())}
        given = read_events(bench.spikes, network) if KIND in stimulus else check_spikes(bench.spikes, network)
        if shapes != {(len(samples), manifest[f"{network.profile.clock}s"])} or not len(given):
            raise ValueError("its arrays differ in samples or steps")
        return bench
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise FileError(f"{place}: damaged: {type(error).__name__} {error}") from None


def _found(network: Network, entry: Mapping[str, Any], values: Integers) -> Expected:
    """An expected array, which the network has. Raises ValueError, InputError."""
    layer, _, register = entry["array"].partition(".")
    neurons = tuple(int(column.removeprefix(NEURON)) for column in entry["csv"]["columns"])
    word = _word(network, layer, register)
    (chosen,) = choose(registers_of(network), {layer: neurons}, [register]).values()
    if chosen.neurons != neurons or values.shape[2:] != (len(neurons),) or entry["word"] != str(word):
        raise ValueError(f"{entry['array']}: neurons, shape or word are not those of the network")
    return Expected(layer, register, neurons, word, values)
