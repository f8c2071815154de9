"""What a profile says, as text: stages as the YAML writes them, and what its parameters stand for as formulas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .shared import Leak, Lif, Quantity, SharedWeight

_PLAIN = re.compile(r"-?[a-zA-Z][\w.<>()*-]*")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}  # what YAML reads as something else
_LAST = ("word", "when")  # what a stage's keys end with
_SIZED = re.compile(r"<([a-z][a-z0-9_]*)=[0-9]+>")


def flow(value: Any) -> str:
    """A JSON value in one line of YAML, quoted only where it must be: `{into: current, value: 0}`."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (key in _LAST, key == "when")) if "into" in value else value
        return f"{{{', '.join(f'{key}: {flow(value[key])}' for key in keys)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(unsized(value)) and value.lower() not in _RESERVED:
        return unsized(value)
    return json.dumps(value, ensure_ascii=False)


def unsized(text: str) -> str:
    """The text without the bits of words whose width is a value: `s<width=9>.wrap` becomes `s<width>.wrap`."""
    return _SIZED.sub(r"<\1>", text)


def stage_lines(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Stages, as JSON, as lines of YAML without the dashes of the list; what a fire's branches do is below it."""
    return [line for stage in stages for line in _block(stage)]


def is_stages(value: Any) -> bool:
    """Whether a JSON value is a list of stages, or of branches, and not empty."""
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


def _block(value: Mapping[str, Any]) -> Iterator[str]:
    for key, each in value.items():
        if is_stages(each):
            yield f"{key}:"
            for item in each:
                first, *rest = _block(item)
                yield from (f"  - {first}", *(f"    {line}" for line in rest))
        elif isinstance(each, Mapping) and any(map(is_stages, each.values())):
            yield f"{key}:"
            yield from (f"  {line}" for line in _block(each))
        else:
            yield f"{key}: {flow(each)}"


def quantity_text(quantity: Quantity) -> str:
    """The formula of a shared quantity: `du + 1`, `vth << 6`, `bias << bias_exp (changes nothing at 0)`."""
    sign = "+" if quantity.add > 0 else "-"
    base = f"{quantity.of} {sign} {abs(quantity.add)}" if quantity.add else quantity.of
    text = _shifted(base, quantity.shift, quantity.exponent)
    return text if quantity.neutral is None else f"{text} (changes nothing at {quantity.neutral})"


def lif_rows(lif: Lif) -> Iterator[tuple[str, str]]:
    """How a class reads as leaky integrate-and-fire, a line for the membrane and each current."""
    yield "membrane", f"register {lif.membrane}, {_leak_text(lif.leak)}"
    for register, current in lif.currents.items():
        when = "before it decays" if current.used == "whole" else "once it has decayed"
        yield "current", f"register {register}, {_leak_text(current)}, used {current.used} ({when})"


def _leak_text(leak: Leak) -> str:
    if leak.shift is not None:
        return f"loses 1 of 2**{leak.shift} a step"
    return "loses nothing" if leak.loss is None else f"loses {leak.loss} of {leak.parts} parts a step"


def shared_weight_text(weight: SharedWeight) -> str:
    """What a weight is in the shared unit: `added << (6 + weight_exp)`."""
    made = _shifted("weight", weight.format_shift, weight.format_exponent)
    of = f", where added is {made}" if made != "weight" else ""
    return _shifted("added", weight.shift, weight.exponent) + of


def _shifted(base: str, shift: int, exponent: str | None) -> str:
    by = [str(shift)] if shift else []
    by += [exponent] if exponent else []
    if not by:
        return base
    left = f"({base})" if " " in base else base
    return f"{left} << {by[0] if len(by) == 1 else f'({by[0]} + {by[1]})'}"
