"""A step is computed layer by layer: what cannot be put in order is refused by the way round the loop."""

from __future__ import annotations

import re
from itertools import pairwise

import bitspike as bs
import numpy as np
import pytest


def connected(*ways: str) -> bs.Network:
    """Layers of one neuron under `generic-w8-v16`; `ab` goes over `forward`, `a-b` over `recurrent`, a step later."""
    names = sorted({name for way in ways for name in way} - {"-"})
    layers = [bs.Population(name, 1, {"threshold": 1, "leak": 0}) for name in names]
    links = [
        bs.Projection(way[0], way[-1], np.ones((1, 1), int), "recurrent" if "-" in way else "forward") for way in ways
    ]
    return bs.Network(bs.load_profile("generic-w8-v16"), 1, layers, links)


def loop_of(*ways: str) -> list[str]:
    """The layers of the loop that is named, the first of them last again."""
    with pytest.raises(bs.NetworkError) as caught:
        connected(*ways)
    found = re.fullmatch(r"network: a loop without a delay: ([a-z]( -> [a-z])+)", str(caught.value))
    assert found, str(caught.value)
    return found[1].split(" -> ")


def test_a_layer_that_waits_for_itself_is_refused() -> None:
    assert loop_of("aa") == ["a", "a"]


@pytest.mark.parametrize("ways", [("ab", "ba"), ("ab", "bc", "ca"), ("ab", "bc", "cd", "db"), ("xa", "ab", "bc", "cb")])
def test_a_loop_is_named_by_its_layers_in_the_order_of_the_spikes(ways: tuple[str, ...]) -> None:
    loop = loop_of(*ways)
    steps = ["".join(pair) for pair in pairwise(loop)]
    assert loop[0] == loop[-1]
    assert len(steps) == len(set(steps))
    assert set(steps) <= set(ways)


@pytest.mark.parametrize("ways", [("ab", "bc", "c-a"), ("a-a",), ("ab", "b-a", "a-a"), ("ab", "ac", "bd", "cd")])
def test_what_a_delay_breaks_or_what_never_returns_is_put_in_order(ways: tuple[str, ...]) -> None:
    network = connected(*ways)
    assert {p.source + p.target for p in network.projections} == {way[0] + way[-1] for way in ways}
    assert bs.run(network, np.ones((1, 2, 1), np.uint8), engine="oracle").spikes.shape[0] == 1
