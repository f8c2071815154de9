"""Random stages over random words, as circuits: each equals the engine in Icarus."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bitspike.exchange.systemverilog.module import circuit
from bitspike.exchange.systemverilog.units import Unit, port_word
from hypothesis import given, settings
from interpreters import by_interval
from random_stages import experiments
from rtl import assert_passes, needs, simulate, write


def unit_of(experiment) -> Unit:
    """A stage as a circuit: whatever it may read goes in, whatever it writes comes out."""
    inputs = {name: port_word(span) for name, span in experiment.ranges.items()}
    made, _ = by_interval(experiment, experiment.ranges)
    results = {name: port_word(span) for name, span in made.items()}
    return Unit("stage", "a random stage", experiment.registers, inputs, results, (("", experiment.stage.run),))


@needs("iverilog")
@settings(max_examples=60)
@given(experiments())
def test_random_stages_equal_the_engine(pair):
    experiment, _ = pair
    made = circuit("stage", "random", unit_of(experiment))
    if not made.outputs:
        return
    with TemporaryDirectory() as folder:
        write(Path(folder), "random", [made], 300)
        assert_passes(simulate(Path(folder)))
