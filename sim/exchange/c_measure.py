"""Measures exported C: bytes of code, constants and state by a compiler, and the time of a step by running it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import ArrayLike

from ..events import Events
from ..raster import Raster
from .c_parts import Source
from .c_timing import NAME, timing_program

Input = ArrayLike | Raster | Events | Sequence[Events]

SIZE = "size"  # of binutils
OPTIMISED = "-Os"
FLAGS = ("-std=c99", OPTIMISED, "-fno-asynchronous-unwind-tables")
HOSTS = ("gcc", "clang", "cc")  # the first that is there compiles for this machine
CORTEX_M = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding")
_A = {"step": "a step", "event": "an event"}
SECONDS = 60.0  # after which a program is given up; a timing ends by itself much earlier


@dataclass(frozen=True)
class Size:
    """Bytes, as `size -A` finds them in what a compiler makes: code, constants, and the state in RAM."""

    compiler: str
    code: int
    constants: int
    state: int


@dataclass(frozen=True)
class Times:
    """What a step takes on this machine, the mean and the longest; clock: event, an event with all that follows it.

    Of every step the least of `rounds` runs. cycles: of the processor's time stamp counter, None where there is none.
    """

    steps: int
    rounds: int
    nanoseconds: tuple[float, float]
    cycles: tuple[float, float] | None


@dataclass(frozen=True)
class CProgram:
    """What a network as C needs. unit: 'step' or 'event'. constants, state: bytes, counted from the arrays.

    synapses, updates: the most that one step adds, weights of 0 included, and its updates of neurons. sizes: by
    compiler. unmeasured: why there is no size, or no time.
    """

    unit: str
    constants: int
    state: int
    synapses: int
    updates: int
    sizes: tuple[Size, ...]
    times: Times | None
    unmeasured: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """A table's rows: what, and how much."""
        rows = [("C, constants", f"{self.constants:,} bytes"), ("C, state", f"{self.state:,} bytes")]
        rows.append((f"C, most in {_A[self.unit]}", f"{self.synapses:,} synapses, {self.updates:,} neuron updates"))
        for each in self.sizes:
            sizes = f"code {each.code:,}, constants {each.constants:,}, state {each.state:,} bytes"
            rows.append((f"C, {each.compiler} {OPTIMISED}", sizes))
        if self.times is not None:
            mean, longest = self.times.nanoseconds
            how = f"{self.times.steps:,} {self.unit}s, of each the least of {self.times.rounds} runs on this machine"
            rows.append((f"C, time of {_A[self.unit]}", f"{mean:,.0f} ns, at most {longest:,.0f} ns ({how})"))
        if self.times is not None and self.times.cycles is not None:
            mean, longest = self.times.cycles
            rows.append((f"C, cycles of {_A[self.unit]}", f"{mean:,.0f}, at most {longest:,.0f} (time stamp counter)"))
        return rows + [("C, not measured", reason) for reason in self.unmeasured]


def measured(source: Source, spikes: Input | None) -> CProgram:
    """Compile a network under the prefix NAME and measure it. spikes: input as for `run`, for the time of a step.

    What cannot be measured, as without a compiler, is said in `unmeasured`. Raises InputError for input that does not
    fit.
    """
    unit = source.network.profile.clock
    timing = None if spikes is None else timing_program(source.network, spikes)
    host = next((name for name in HOSTS if shutil.which(name)), None)
    compilers = [each for each in ((host,), CORTEX_M) if each[0] and shutil.which(each[0])]
    sizes: list[Size] = []
    times, unmeasured = None, list[str]()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"{NAME}.h").write_text(source.header())
        (root / f"{NAME}.c").write_text(source.code())
        for compiler in compilers:
            with _noting(unmeasured):
                sizes.append(_size(root, *compiler))
        with _noting(unmeasured):
            if host is None:
                raise _UnmeasuredError(f"found no C compiler for this machine; allowed: {', '.join(HOSTS)}")
            if timing is None:
                raise _UnmeasuredError(f"time of {_A[unit]}: no input is given")
            times = _times(root, host, *timing)
    synapses, updates = source.most()
    counted = source.constant_bytes(), source.state_bytes()
    return CProgram(unit, *counted, synapses, updates, tuple(sizes), times, tuple(unmeasured))


class _UnmeasuredError(Exception):
    """Why something is not measured."""


@contextmanager
def _noting(reasons: list[str]) -> Iterator[None]:
    """Keep why the block could not measure."""
    try:
        yield
    except _UnmeasuredError as error:
        reasons.append(str(error))


def _size(root: Path, compiler: str, *options: str) -> Size:
    """Bytes of the sections of what is compiled, and of a state."""
    (root / "state.c").write_text(f'#include "{NAME}.h"\n{NAME}_state state;\n')
    sections = dict.fromkeys((".text", ".rodata", ".data", ".bss"), 0)
    for stem in (NAME, "state"):
        _run(root, compiler, *options, *FLAGS, "-c", f"{stem}.c", "-o", f"{stem}.o")
        of = f"{compiler.removesuffix('gcc')}{SIZE}" if options else SIZE
        for line in _run(root, of, "-A", f"{stem}.o").splitlines():
            words = line.split()
            kind = next((section for section in sections if words and words[0].startswith(section)), None)
            if kind is not None:
                sections[kind] += int(words[1])
    name = " ".join((compiler, *(option for option in options if option.startswith("-mcpu"))))
    return Size(name, sections[".text"], sections[".rodata"], sections[".data"] + sections[".bss"])


def _times(root: Path, compiler: str, text: str, given: bytes) -> Times:
    """Run the network on its input."""
    (root / "main.c").write_text(text)
    _run(root, compiler, *FLAGS, f"{NAME}.c", "main.c", "-o", "main")
    steps, rounds, cycles, mean, longest, tick = _run(root, "./main", given=given).split()
    ticks, nanoseconds = (float(mean), float(longest)), float(tick)
    in_time = ticks[0] * nanoseconds, ticks[1] * nanoseconds
    return Times(int(steps), int(rounds), in_time, ticks if int(cycles) else None)


def _run(root: Path, *command: str, given: bytes = b"") -> str:
    """What a program prints."""
    try:
        done = subprocess.run(command, cwd=root, input=given, capture_output=True, check=False, timeout=SECONDS)
    except FileNotFoundError:
        raise _UnmeasuredError(f"{command[0]}: found no such program") from None
    except subprocess.TimeoutExpired:
        raise _UnmeasuredError(f"{command[0]}: given up after {SECONDS:.0f} s") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise _UnmeasuredError(f"{command[0]}: ended with {done.returncode}: {last[0]}")
    return done.stdout.decode()
