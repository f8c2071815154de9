"""What a chip's memories say, read from the text of its memory maps. Nothing is shared with bitspike."""

from __future__ import annotations

import json
from pathlib import Path


def words(path: Path, base: int) -> list[int]:
    """The words of a memory image, a line each."""
    return [int(line, base) for line in path.read_text().split("\n")[:-1]]


def signed(bits: int, width: int) -> int:
    """Two's complement."""
    return bits - 2**width if bits >= 2 ** (width - 1) else bits


def nibbles(path: Path) -> list[list[int]]:
    """[pre][post] of 8192 words: word pre * 32 + post // 8, nibble post % 8, the lowest first."""
    memory = words(path, 16)
    assert len(memory) == 8192
    return [[memory[pre * 32 + post // 8] // 16 ** (post % 8) % 16 for post in range(256)] for pre in range(256)]


def tinyodin(folder: Path) -> dict[str, object]:
    """The facts of a core: {disable[31], leak[30:24], threshold[23:12], V[11:0]} a neuron, signed nibbles."""
    neurons = words(folder / "neurons.mem", 16)
    assert len(neurons) == 256
    registers = json.loads((folder / "registers.json").read_text())
    return {
        "w": [[signed(nibble, 4) for nibble in row] for row in nibbles(folder / "synapses.mem")],
        "disable": [word // 2**31 for word in neurons],
        "leak": [word // 2**24 % 2**7 for word in neurons],
        "thr": [word // 2**12 % 2**12 for word in neurons],
        "v0": [signed(word % 2**12, 12) for word in neurons],
        "max_neur": registers["SPI_MAX_NEUR"],
        "open_loop": registers["SPI_OPEN_LOOP"],
    }


def odin(folder: Path) -> dict[str, object]:
    """The facts of a core: nibbles {mapped, w[2:0]}, 128 bits a neuron, a sign bit for each source."""
    neurons, signs = words(folder / "neurons.mem", 16), words(folder / "signs.mem", 16)
    assert (len(neurons), len(signs)) == (256, 16)
    assert all(word % 2 == 1 and word // 2**17 % 2 == 0 for word in neurons), "not the LIF model"
    synapses = nibbles(folder / "synapses.mem")
    registers = json.loads((folder / "registers.json").read_text())
    return {
        "w": [[nibble % 8 for nibble in row] for row in synapses],
        "mapped": [[nibble // 8 for nibble in row] for row in synapses],
        "sign": [signs[pre // 16] // 2 ** (pre % 16) % 2 for pre in range(256)],
        "leak": [word // 2 % 2**7 for word in neurons],
        "leak_en": [word // 2**8 % 2 for word in neurons],
        "thr": [word // 2**9 % 2**8 for word in neurons],
        "v0": [word // 2**70 % 2**8 for word in neurons],
        "disable": [word // 2**127 for word in neurons],
        "unmapped": registers["SPI_PROPAGATE_UNMAPPED_SYN"],
        "open_loop": registers["SPI_OPEN_LOOP"],
    }


def ranc(folder: Path, axons: int, widths: dict[str, int]) -> dict[str, object]:
    """The facts of a core, a line a neuron, the most significant bit first; `widths` as the RTL's parameters."""
    potential, weight, leak, threshold = (
        widths[f"{name}_width"] for name in ("potential", "weight", "leak", "threshold")
    )
    address = max(1, (axons - 1).bit_length())
    facts: dict[str, list] = {"axon_type": words(folder / "axon_types.mem", 2)}
    names = ("synapses", "weights", "v0", "reset_pot", "leak", "pos_thr", "neg_thr", "reset_mode", "dest_axon")
    facts |= {name: [] for name in (*names, "delay", "local")}
    for line in (folder / "csram.mem").read_text().splitlines():
        rest = line

        def number(width: int, negative: bool = True) -> int:
            nonlocal rest
            bits, rest = rest[:width], rest[width:]
            return signed(int(bits, 2), width) if negative else int(bits, 2)

        row, rest = rest[:axons], rest[axons:]
        facts["synapses"].append([int(bit) for bit in reversed(row)])
        facts["v0"].append(number(potential))
        facts["reset_pot"].append(number(potential))
        facts["weights"].append([number(weight) for _ in range(4)])
        facts["leak"].append(number(leak))
        facts["pos_thr"].append(number(threshold))
        facts["neg_thr"].append(number(threshold))
        facts["reset_mode"].append(number(1, negative=False))
        facts["local"].append(int((number(9), number(9)) == (0, 0)))
        facts["dest_axon"].append(number(address, negative=False))
        facts["delay"].append(number(4, negative=False))
        assert rest == ""
    return facts | widths
