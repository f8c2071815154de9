"""Everything that a profile is held against, one small trial after another, and the mutants that pass them all.

`python tests/golden/trials.py PROFILE ...` names the mutants of a profile that survive, and why; minutes each.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from unittest.mock import patch

sys.path.append(str(Path(__file__).parent.parent))

import bitspike as bs
import numpy as np
import pytest
import ranc_adapter
import speck_adapter
import spiker_adapter
import test_cores
import test_loihi
import test_odin
import test_random_loihi
import test_random_odin
import test_random_ranc
import test_random_speck
import test_random_spiker
import test_random_xylo
import test_run_slow_model
import test_xylo
import xylo_adapter
from bitspike.errors import BitspikeError
from equivalents import REFUSES, SURVIVE
from mutants import Mutant, mutants
from vectors import files, load

Vectors = Mapping[str, np.ndarray]
Trial = Callable[[], object]  # raises where the profile fails
CORES = {"ranc": ranc_adapter, "speck": speck_adapter, "spiker": spiker_adapter}


def trials(name: str) -> Iterator[tuple[str, Trial]]:
    """Trials of a shipped profile: random networks first, then what its source recorded."""
    if name in test_random_loihi.DRAWS:
        return _of_loihi(name)
    if name in test_random_xylo.CORES:
        return _of_xylo(name)
    if name in test_odin.ADAPTERS:
        return _of_events(name)
    return {"ranc": _of_ranc, "spiker": _of_spiker, "speck-sinabs": _of_speck, "generic-w8-v16": _of_generic}[name]()


def _of_loihi(name: str) -> Iterator[tuple[str, Trial]]:
    for seed in test_random_loihi.SEEDS[name]:
        yield f"random {seed}", lambda seed=seed: loihi(name, test_random_loihi.recorded(name, seed))
    if name == "loihi-lava":
        yield "correction", partial(test_random_loihi.assert_only_the_upper_end_is_kept, "array")
    if name == "loihi-brian2":
        yield "41 bits", partial(test_random_loihi.assert_only_41_bits_are_kept, "array")
    yield from _recorded(files(name), partial(loihi, name))


def _of_xylo(name: str) -> Iterator[tuple[str, Trial]]:
    for seed in test_random_xylo.SEEDS:
        yield f"random {seed}", lambda seed=seed: xylo(name, test_random_xylo.recorded(name, seed))
    yield from _recorded(files("xylo"), partial(xylo, name))


def _of_events(name: str) -> Iterator[tuple[str, Trial]]:
    for seed in sorted(test_random_odin.SEEDS, key=lambda seed: len(test_random_odin.recorded(name, seed)["w"])):
        yield f"random {seed}", partial(test_random_odin.assert_engine_equals, name, seed, "oracle")
    yield from _recorded(test_odin.runs(name), partial(events, name))


def _of_ranc() -> Iterator[tuple[str, Trial]]:
    for seed in test_random_ranc.SEEDS:
        yield f"random {seed}", lambda seed=seed: core("ranc", test_random_ranc.recorded(seed))
    yield from _recorded(files("ranc"), partial(core, "ranc"))


def _of_spiker() -> Iterator[tuple[str, Trial]]:
    for seed in test_random_spiker.SEEDS:
        yield f"random {seed}", lambda seed=seed: core("spiker", test_random_spiker.recorded(seed))
        yield f"random steps {seed}", lambda seed=seed: steps(test_random_spiker.recorded(seed))
        apart = test_random_spiker.assert_steps_of_two_connections_equal
        yield f"random connections {seed}", partial(apart, seed, "array")
        yield f"random layers {seed}", partial(test_random_spiker.assert_layers_equal, seed, "array")
    yield from _recorded(files("spiker"), partial(core, "spiker"))


def _of_speck() -> Iterator[tuple[str, Trial]]:
    for seed in test_random_speck.SEEDS:
        yield f"random {seed}", partial(test_random_speck.assert_engine_equals, seed, "array")
    yield "pooled input", partial(test_random_speck.assert_pooled_input_equals, 0, "array")
    yield from _recorded(files("speck"), partial(core, "speck"))


def _of_generic() -> Iterator[tuple[str, Trial]]:
    generic = test_run_slow_model.test_random_generic_networks_equal_the_slow_model.hypothesis.inner_test
    yield from ((f"random {seed}", partial(generic, "array", "generic-w8-v16", 8, 16, seed)) for seed in range(60))


def _recorded(paths: Iterable[Path], trial: Callable[[Vectors], None]) -> Iterator[tuple[str, Trial]]:
    for path in sorted(paths, key=lambda path: path.stat().st_size):
        yield path.stem, lambda path=path: trial(load(path))


def loihi(name: str, vectors: Vectors) -> None:
    """Layers of one of the three simulators."""
    test_loihi.assert_equal(name, vectors, "array")


def xylo(name: str, vectors: Vectors) -> None:
    """A core, where the profile is one that can run it."""
    if name in xylo_adapter.profiles(vectors):
        test_xylo.assert_equal(vectors, "array", name)


def core(name: str, vectors: Vectors) -> None:
    """A run of a time-stepped chip."""
    adapter = CORES[name]
    test_cores.assert_equal(adapter.expected(vectors), adapter.computed(vectors, "array"))


def steps(vectors: Vectors) -> None:
    """Slots in the order of their stream, many in a step."""
    ends, found = spiker_adapter.computed_steps(vectors, "array")
    expected = {name: values[ends] for name, values in spiker_adapter.expected(vectors).items()}
    test_cores.assert_equal(expected, found)


def events(name: str, vectors: Vectors) -> None:
    """A stream of events."""
    trace = test_odin.ADAPTERS[name].run(vectors, "oracle")
    test_odin.assert_equal(vectors, trace["core"].registers["membrane"][0], trace.wire[:, 1:])


def passes(profile: bs.Profile, trial: Trial) -> bool:
    """Whether the profile does what is expected; one that cannot hold the network does not."""
    with patch.object(bs, "load_profile", lambda name: profile):
        try:
            trial()
        except (AssertionError, BitspikeError, KeyError, pytest.fail.Exception):
            return False
    return True


def survivors(name: str) -> Iterator[Mutant]:
    """The mutants of a shipped profile that pass every trial. Those of words that refuse are left out."""
    order = list(trials(name))
    for mutant in mutants(bs.load_profile(name)):
        if REFUSES in mutant.change:
            continue
        for place, (_, trial) in enumerate(order):
            if not passes(mutant.profile, trial):
                order.insert(0, order.pop(place))  # what kills one mutant often kills the next
                break
        else:
            yield mutant


def reasons(name: str, mutant: Mutant) -> list[str]:
    """Why a mutant computes the same bits, if that is known."""
    return [why for why, patterns in SURVIVE[name].items() if any(re.fullmatch(p, str(mutant)) for p in patterns)]


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        for survivor in survivors(chosen):
            print(chosen, survivor, ", ".join(reasons(chosen, survivor)) or "WHY?", sep="\t", flush=True)
