"""Layouts drawn at random: every word of every file is what integers and shifts make of the network."""

from __future__ import annotations

import bitspike as bs
import numpy as np
import pytest
from event_cores import core

WIDTHS = {"disabled": 1, "leak": 7, "threshold": 12, "membrane": 12}
LAYOUT = """\
schema: 1
name: drawn
title: Drawn
source: a generator of random numbers
profiles: [tinyodin]
memories:
  neurons:
    file: neurons.mem
    radix: {radix}
    axes: {{neuron: 8}}
    word: {word}
    fields:
{fields}
  synapses:
    file: synapses.mem
    radix: {radix}
    axes: {{{axes}}}
    word: {packed}
    pack: {{entries: {entries}, first: {first}}}
    fields:
      weight: {{value: "crossbar.weight[pre, post]", word: s4, at: {at}, absent: -1}}
"""


def drawn(seed):
    """The text of a layout, and what it says: the places of the fields, their word, the packing."""
    rng = np.random.default_rng(seed)
    places, top = {}, 0
    for name in rng.permutation(list(WIDTHS)).tolist():
        places[name] = top = int(top + rng.integers(0, 20))
        top += WIDTHS[name]
    fields = []
    for name, at in places.items():
        word = f"{'s' if name == 'membrane' else 'u'}{WIDTHS[name]}"
        absent = int(name == "disabled")
        fields.append(f'      {name}: {{value: "neuron.{name}[neuron]", word: {word}, at: {at}, absent: {absent}}}')
    says = {
        "radix": str(rng.choice(["hex", "binary"])),
        "word": int(top + rng.integers(0, 9)),
        "entries": int(rng.choice([2, 4, 8])),
        "first": str(rng.choice(["least", "most"])),
        "at": int(rng.integers(0, 4)),
        "axes": str(rng.choice(["pre: 8, post: 8", "post: 8, pre: 8"])),
    }
    width = says["at"] + 4 + int(rng.integers(0, 4))
    says |= {"packed": width * says["entries"], "fields": "\n".join(fields)}
    return LAYOUT.format(**says), says | {"places": places, "width": width}


def line(value, bits, radix):
    return f"{value:0{bits}b}" if radix == "binary" else f"{value:0{-(-bits // 4)}x}"


@pytest.mark.parametrize("seed", range(25))
def test_every_word_is_what_integers_and_shifts_make(seed, tmp_path):
    text, says = drawn(seed)
    (tmp_path / "drawn.yaml").write_text(text)
    rng, size = np.random.default_rng(seed), 1 + seed % 8
    values = {name: rng.integers(0, 1 << bits, size) for name, bits in WIDTHS.items()}
    values["membrane"] -= 1 << 11
    weights = rng.integers(-8, 8, (size, size))
    net = core(weights, **{name: values[name] for name in ("threshold", "leak", "disabled")})
    start = bs.initial_state(net)
    start["core"]["membrane"][0] = values["membrane"]
    bs.export(net, tmp_path / "images", "readmemh", layout=tmp_path / "drawn.yaml", state=start)
    assert bs.read_images(tmp_path / "images") == net
    assert bs.read_state(tmp_path / "images")["core"]["membrane"].tolist() == [values["membrane"].tolist()]

    expected = []
    for neuron in range(8):
        held = {name: int(values[name][neuron]) if neuron < size else int(name == "disabled") for name in WIDTHS}
        word = sum((held[name] % (1 << bits)) << says["places"][name] for name, bits in WIDTHS.items())
        expected.append(line(word, says["word"], says["radix"]))
    assert (tmp_path / "images" / "neurons.mem").read_text().split() == expected

    expected = []
    for first in range(0, 64, says["entries"]):
        word = 0
        for k in range(says["entries"]):
            outer, inner = divmod(first + k, 8)
            pre, post = (outer, inner) if says["axes"].startswith("pre") else (inner, outer)
            weight = int(weights[pre, post]) if max(pre, post) < size else -1
            slot = k if says["first"] == "least" else says["entries"] - 1 - k
            word += (weight % 16) << (slot * says["width"] + says["at"])
        expected.append(line(word, says["packed"], says["radix"]))
    assert (tmp_path / "images" / "synapses.mem").read_text().split() == expected
