"""What a compiled kernel is made for, and what it is called with."""

from __future__ import annotations

from dataclasses import dataclass

from ..ops.interval import Interval
from ..ops.lane_arithmetic import lane_bits
from ..profile.connection import Connection
from ..profile.schema import NeuronClass, Profile, storage
from .arrival import Arrival
from .pool import SIDES


@dataclass(frozen=True)
class Signature:
    """What a kernel is made for; layers of one signature share it, whatever their size.

    incoming: in order of delivery. aliases: whether spikes are copied. uniform: the parameters and derived values that
    are the same for all neurons; zero: those that are 0, of which nothing is computed. emptied: registers that are 0
    between two steps, with what they hold within one (see there). rested: registers that are 0 when a step's spikes
    arrive, where a kernel asks for it. channels_last, noted: of the layer (see `wiring.Layer`).
    """

    neuron: str
    incoming: tuple[Arrival, ...]
    aliases: bool
    uniform: tuple[str, ...]
    zero: tuple[str, ...] = ()
    emptied: tuple[tuple[str, Interval], ...] = ()
    rested: tuple[str, ...] = ()
    channels_last: int = 0
    noted: bool = False

    def row_type(self, neuron: NeuronClass, register: str) -> str:
        """Of the row that a register of one sample has while its steps run."""
        spans = dict(self.emptied)
        return f"int{lane_bits(spans[register])}" if register in spans else storage(neuron, register).dtype


DOWN = ("place_down", "tap_down")
TABLES = {"first": "int64", "patches": "int32", "sides": "int32"}
PICTURE = (*TABLES, *DOWN, "kernel", "lowest", "highest")
SWEEP = ("source_high", "source_wide", "swept")
SENT = ("sent", "sent_stride")
NOTED = ("noted", "noted_at")
PLACE = 2  # what `noted_at` holds of a step: where its list begins, and how many it holds
ACTED = 3  # what is written down of a step's events that are summed ahead


def ahead_types(profile: Profile, signature: Signature) -> dict[str, str]:
    """Of the rows of sums that are made ahead, by the argument that is their address."""
    neuron, types = profile.neurons[signature.neuron], {}
    for k, arrival in enumerate(signature.incoming):
        connection = profile.connections[arrival.via]
        for i, register in enumerate(connection.into[: arrival.synapses] if arrival.ahead else ()):
            types[f"ahead{k}_{i}"] = arrival.total if connection.sum else signature.row_type(neuron, register)
    return types


def arguments(profile: Profile, signature: Signature) -> list[str]:
    """Names of the kernel's arguments, numbers and addresses of arrays: BLOCK, `of_thread`, `of_run`, then the others.

    sample; first, last: its steps to run, of a block of steps that begins with `base`; enters, leaves: whether
    registers are taken over before, and handed back after; size, padded: of a row. `sent`: spikes in the order of the
    kernel's rows, `sent_stride` from one step of the block to the next (0: nobody reads them). Of each incoming
    projection k its spikes `s{k}` [sample, rows{k}, pre{k}], of which row `lead{k}` is step 0, for each of its
    delays{k} the steps from a spike to its delivery, `lags{k}`, and weights `w{k}_{i}` [pre, columns{k}] (see
    `matrix.paired`), or lists of them by delay and source, from `from{k}` [delay, pre + 1] on, to the neurons `to{k}`;
    what a source brings a neuron at most and at least, `most{k}_{i}` (0 or more) and `least{k}_{i}`, and of lists all
    of them together, `all_most{k}_{i}` and `all_least{k}_{i}`; of a sum also the projection's own `q{k}_*`; and room:
    `index{k}` [pre + AHEAD], `acting{k}` [pre], `sums{k}` [padded]. Of a raster, `s{k}` are its pointers, `index{k}`
    and `acting{k}` its channels and what they act as; the latter is a single entry where `graded{k}` is 0. Of a picture
    (see there) its patches and kernel, and what a spike of every source adds at most, and as a `sweep` (see there) its
    sides, kernel, and room for `order{k}` and `begins{k}`; of a pool its sides; of a sweep and of a pool the source's
    `sent{k}` and `sent_stride{k}`. Of sums that are made ahead, a row for each step of the block: `ahead{k}_{i}` [step,
    padded], and `acted{k}` [step, ACTED], of the events how many, and what one acts as at least and at most. Where it
    is noted who spiked, lists of them `noted` [entry] and, for each step of the block, where its list begins and how
    many it holds, `noted_at` [step, PLACE]; `noted{k}` and `noted_at{k}` are those of a source. Columns of matrices,
    targets of lists and parameters are in the order of the kernel's rows. Parameters and derived values `p_*` [padded],
    or the value itself where it is uniform; for one sample, registers `row_*` [padded], and room for one in the order
    of the layer, `turned`, where the rows have another. Registers `r_*` [sample, size], which are not read where
    `begins` is 1: they are 0, as is every row of spikes before step 0; `out` [sample, rows, size] whose row `lead` is
    step 0, its last row `last_spikes` [sample, size] and those before it `past_spikes` [sample, lead - 1, size], or 0;
    `overflows` [sample, counted], `aliases` [size, slots]; of each register where it is recorded, `rec_*` [sample,
    steps, size], or 0.
    """
    neuron = profile.neurons[signature.neuron]
    names = ["size", "padded", "aliases", "slots"]
    for k, arrival in enumerate(signature.incoming):
        names += [f"{name}{k}" for name in ("pre", "delays", "lags")]
        names += [f"from{k}", f"to{k}"] if arrival.listed else [f"columns{k}"]
        names += [f"{name}{k}" for name in PICTURE] if arrival.picture else []
        names += [f"{name}{k}" for name in SWEEP] if arrival.sweep else []
        names += [f"{name}{k}" for name in SIDES] if arrival.windows else []
        ends = ("most", "least", "all_most", "all_least") if arrival.listed else ("most", "least")
        names += [f"{name}{k}_{i}" for i in range(arrival.synapses) for name in ("w", *ends)]
        names += [f"q{k}_{name}" for name in sum_values(profile.connections[arrival.via])]
    names += [f"p_{name}" for name in (*neuron.parameters, *neuron.derived)]
    return [*BLOCK, *of_thread(profile, signature), *of_run(neuron, signature), *names]


BLOCK = ("sample", "first", "last", "base", "enters", "leaves")


def of_run(neuron: NeuronClass, signature: Signature) -> list[str]:
    """The arguments that differ from run to run."""
    names = ["rows", "lead", "steps", "out", "last_spikes", "past_spikes", "overflows", "begins"]
    for k, arrival in enumerate(signature.incoming):
        names += [f"{name}{k}" for name in ("s", "rows", "lead")]
        names += [f"{name}{k}" for name in ("index", "acting", "graded")] if arrival.raster else []
    return names + [f"{kind}_{name}" for kind in ("r", "rec") for name in neuron.registers]


def of_thread(profile: Profile, signature: Signature) -> list[str]:
    """The arguments that differ from thread to thread: addresses in memory of its own."""
    names = list(SENT)
    for k, arrival in enumerate(signature.incoming):
        names += [f"{name}{k}" for name in SENT] if arrival.channels_last else []
    for k, arrival in enumerate(signature.incoming):
        names += [f"{name}{k}" for name in NOTED] if arrival.noted else []
    noted = NOTED if signature.noted else ()
    return [*names, *noted, *of_block(profile, signature), *of_room(profile, signature)]


def of_block(profile: Profile, signature: Signature) -> list[str]:
    """The arguments that are the addresses of rows for each step of a block."""
    acted = [f"acted{k}" for k, arrival in enumerate(signature.incoming) if arrival.ahead]
    return [*ahead_types(profile, signature), *acted]


def of_room(profile: Profile, signature: Signature) -> list[str]:
    """The arguments that are the addresses of rows that only a call needs."""
    names = [f"row_{name}" for name in profile.neurons[signature.neuron].registers]
    names += ["turned"] if signature.channels_last else []
    for k, arrival in enumerate(signature.incoming):
        names += [] if arrival.raster else [f"index{k}", f"acting{k}"]
        names += [f"order{k}", f"begins{k}"] if arrival.sweep else []
        names += [f"sums{k}"] if profile.connections[arrival.via].sum else []
    return names


def sum_values(connection: Connection) -> list[str]:
    """The parameters and derived values of a projection that a kernel needs: those that stages of a sum may read."""
    return [*connection.parameters, *connection.derived] if connection.sum else []
