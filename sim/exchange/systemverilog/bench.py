"""A profile's self-checking test bench: every circuit against its file of vectors, stopped by the first difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .module import REFUSED, Module, Port, vector
from .vectors import line_bits


def bench_name(prefix: str) -> str:
    """The module of a profile's bench."""
    return f"{prefix}_tb"


def bench(prefix: str, modules: Sequence[Module], vectors: int) -> str:
    """The bench's text. vectors: lines of each file."""
    return "\n".join(_lines(prefix, modules, vectors)) + "\n"


def _lines(prefix: str, modules: Sequence[Module], vectors: int) -> Iterator[str]:
    top = bench_name(prefix)
    yield "// Replays what bitspike's engine computed, and stops with failure at the first difference. In this folder:"
    yield f"//   $ iverilog -g2012 -o bench {prefix}_*.sv && vvp bench"
    yield f"//   $ verilator --binary --top-module {top} {prefix}_*.sv && ./obj_dir/V{top}"
    yield from ("", "`default_nettype none", "", f"module {top};", f"    localparam integer VECTORS = {vectors};")
    yield "    integer at;"
    for number, module in enumerate(modules):
        yield from ("", f"    // {module.name}", *_signals(number, module))
    yield from ("", "    initial begin")
    for number, module in enumerate(modules):
        yield from (f"        {line}" for line in _check(number, module))
    yield f'        $display("PASS: {len(modules)} modules, %0d vectors each", VECTORS);'
    yield from ("        $finish;", "    end", "endmodule", "", "`default_nettype wire")


def _signals(number: int, module: Module) -> Iterator[str]:
    """The memory of vectors, a variable for each input and expected output, and the module itself."""
    yield f"    reg [{line_bits(module) - 1}:0] vectors{number} [0:VECTORS-1];"
    for port in module.inputs:
        yield f"    reg {vector(port.word)}u{number}_{port.name};"
    for port in module.outputs:
        yield f"    wire {vector(port.word)}u{number}_{port.name};"
        yield f"    reg {vector(port.word)}{_expected(number, port)};"
    names = [port.name for port in (*module.inputs, *module.outputs)]
    if module.refuses:
        names.append(f"{REFUSED}_o")
        yield f"    wire u{number}_{REFUSED}_o;"
        yield f"    reg u{number}_{REFUSED}_x;"
    yield f"    {module.name} u{number} ("
    yield ",\n".join(f"        .{name}(u{number}_{name})" for name in names)
    yield "    );"


def _check(number: int, module: Module) -> Iterator[str]:
    """Every vector, port by port; after a refused write the other outputs mean nothing."""
    fields = [f"u{number}_{port.name}" for port in module.inputs]
    fields += [_expected(number, port) for port in module.outputs]
    fields += [f"u{number}_{REFUSED}_x"] if module.refuses else []
    yield f'$readmemh("{module.name}.hex", vectors{number});'
    yield "for (at = 0; at < VECTORS; at = at + 1) begin"
    yield f"    {{{', '.join(fields)}}} = vectors{number}[at];"
    yield f"    if (^vectors{number}[at] === 1'bx)"
    yield f'        $fatal(1, "{module.name}.hex: vector %0d is missing", at);'
    yield "    #1;"
    if module.refuses:
        yield from _compare(module, REFUSED, f"u{number}_{REFUSED}_o", f"u{number}_{REFUSED}_x", "")
    held = f"!u{number}_{REFUSED}_x && " if module.refuses else ""
    for port in module.outputs:
        yield from _compare(module, port.key, f"u{number}_{port.name}", _expected(number, port), held)
    yield "end"


def _compare(module: Module, what: str, found: str, wanted: str, held: str) -> Iterator[str]:
    text = f"{module.name}, vector %0d: {what}: found %0d, expected %0d"
    yield f"    if ({held}{found} !== {wanted})"
    yield f'        $fatal(1, "{text}", at, {found}, {wanted});'


def _expected(number: int, port: Port) -> str:
    return f"u{number}_{port.name}x"
