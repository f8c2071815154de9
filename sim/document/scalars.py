"""What an unquoted YAML scalar says, where every reader agrees; the rest is refused with what to write instead.

YAML 1.1 reads `010` as 8, `12:30` as 750 and `on` as true; YAML 1.2 does not; `1e3` is text to PyYAML.
"""

from __future__ import annotations

import re
from decimal import Decimal

Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
_NULL = ("", "~", "null", "Null", "NULL")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")

_OTHER_BASE = re.compile(r"[-+]?0(x[0-9a-f_]+|b[01_]+|o[0-7_]+)", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_OTHER_NUMBER = re.compile(r"[-+]?(?=\.?[0-9])[0-9_]*\.?[0-9_]*(e[-+]?[0-9]+)?", re.IGNORECASE)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?([Tt \t].*)?")

_LONGEST = 24  # characters of a number that is worth rewriting
_DIGITS = len(str(-(2**63)))


class AmbiguousError(Exception):
    """A scalar that YAML readers disagree about; the message says what was found and what to write."""


def read_plain(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises AmbiguousError."""
    if text in _NULL:
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        if len(text) > _DIGITS or not -(2**63) <= int(text) < 2**63:
            raise AmbiguousError(f"found {shortened(text)}; allowed: {-(2**63)} to {2**63 - 1}")
        return int(text)
    if _FLOAT.fullmatch(text) and abs(float(text)) != float("inf"):
        return float(text)
    advice = _advice(text)
    if advice:
        raise AmbiguousError(f"found {shortened(text)}; {advice}")
    return text


def shortened(text: str, most: int = 60) -> str:
    """`text`, cut where it is longer than `most` characters."""
    return text if len(text) <= most else text[:most] + "..."


def _advice(text: str) -> str | None:
    """What to write instead of a scalar that means different things to different readers; None: it is text."""
    if text.lower() in _TRUE + _FALSE:
        return f'write {"true" if text.lower() in _TRUE else "false"} or "{text}"'
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and float(text)):
        return "allowed: finite numbers"
    if text == "<<" or text == "=" or _DATE.fullmatch(text):
        return f'write "{shortened(text)}"'
    if _SEXAGESIMAL.fullmatch(text):
        return f'write "{shortened(text)}", or a number without colons'
    if any(pattern.fullmatch(text) for pattern in (_OTHER_BASE, _LEADING_ZERO, _OTHER_NUMBER)):
        return f"write {_plain_number(text)}"
    return None


def _plain_number(text: str) -> str:
    """The number as every reader reads it."""
    digits = text.replace("_", "").removeprefix("+").lower()
    example = 'a decimal number such as 16 or 0.5, or "..." around text'
    if len(text) > _LONGEST:
        return example
    try:
        if _OTHER_BASE.fullmatch(text):
            return str(int(digits, 0))
        number = Decimal(digits)
    except (ValueError, ArithmeticError):
        return example
    if number and abs(number.adjusted()) > _LONGEST:
        return example
    plain = format(number, "f")
    if _LEADING_ZERO.fullmatch(text) and re.fullmatch("-?[0-7]+", digits) and int(digits, 8) != number:
        return f"{plain}, or {int(digits, 8)} if it is octal"
    return plain
