"""Stages once more, slowly and by other means: strings of bits, ladders and loops. Imports nothing from bitspike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any


class Refused(Exception):
    """A write beyond a word that has no rule for it."""


def word_range(bits: int, signed: bool) -> tuple[int, int]:
    """The least and the greatest value, read off the patterns of the bits themselves."""
    patterns = ["0" * bits, "1" * bits, "0" + "1" * (bits - 1), "1" + "0" * (bits - 1)]
    values = [pattern_value(pattern, signed) for pattern in patterns]
    return min(values), max(values)


def pattern_value(pattern: str, signed: bool) -> int:
    """The number that a string of bits stands for, most significant first."""
    weights = [2**place for place in reversed(range(len(pattern)))]
    if signed:
        weights[0] = -weights[0]
    return sum(weight for weight, bit in zip(weights, pattern, strict=True) if bit == "1")


def low_bits(value: int, bits: int) -> str:
    """The lowest bits of a number, its sign extended for ever."""
    data = value.to_bytes(max(bits, value.bit_length()) // 8 + 2, "big", signed=True)
    return "".join(f"{byte:08b}" for byte in data)[-bits:]


@cache
def fit(value: int, word: str) -> int | None:
    """What a register of a word such as `s16.wrap` or `u4(1..8).refuse` keeps of a value; None where it refuses."""
    sign, bits, range_, overflow = re.fullmatch(r"([su])(\d+)(\(.+\))?\.(\w+)", word).groups()  # type: ignore[union-attr]
    least, most = word_range(int(bits), sign == "s")
    if range_ is not None:
        least, most = (int(end) for end in range_.strip("()").split(".."))
    if overflow == "wrap":
        return pattern_value(low_bits(value, int(bits)), sign == "s")
    if value > most:
        kept = most
    elif value < least:
        kept = least
    else:
        kept = value
    if kept != value and overflow == "refuse":
        return None
    return kept


@cache
def halved(value: int, times: int, rounding: str) -> int:
    """value / 2**times: `floor` is the floor of the quotient, `zero` drops the fraction of the magnitude."""
    divisor = 1
    for _ in range(times):
        divisor += divisor
    if rounding == "zero":
        return abs(value) // divisor * (-1 if value < 0 else 1)
    return divmod(value, divisor)[0]


@cache
def repeated(count: int, weight: int) -> int:
    """The sum of `count` weights, or what undoes them."""
    total = 0
    for _ in range(abs(count)):
        total += weight if count > 0 else -weight
    return total


@cache
def times(a: int, b: int) -> int:
    """The product, by long multiplication: `a` doubled for every bit of `b`, and summed where the bit is 1."""
    total, doubled = 0, a
    for bit in reversed(f"{abs(b):b}"):
        total += doubled if bit == "1" else 0
        doubled += doubled
    return total if b >= 0 else -total


@cache
def goes_into(divisor: int, value: int) -> int:
    """How often, by long division in decimal digits; below zero, a rest takes one more."""
    result, rest = "0", 0
    for digit in str(abs(value)):
        rest = int(f"{rest}{digit}")
        fits = 0
        while rest >= divisor:
            rest -= divisor
            fits += 1
        result += str(fits)
    return int(result) if value >= 0 else -int(result) - (rest > 0)


def related(left: int, relation: str, right: int) -> bool:
    """The relation, by the sign of the difference."""
    difference = left - right
    sign = "<" if difference < 0 else ">" if difference > 0 else "="
    return {">=": sign in ">=", ">": sign == ">", "<=": sign in "<=", "<": sign == "<"}.get(
        relation, (sign == "=") == (relation == "==")
    )


class Neuron:
    """One neuron: words and values by name, and how often each register overflowed."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self.values: dict[str, int] = {}
        self.overflows: dict[str, int] = {}

    def __getitem__(self, operand: str | int) -> int:
        if isinstance(operand, int):
            return operand
        if operand in self.values:
            return self.values[operand]
        value = 1
        for name in operand.lstrip("-").split("*"):
            value = times(value, self.values[name])
        return -value if operand[0] == "-" else value

    def write(self, register: str, raw: int, word: str | None = None) -> None:
        """One write, one fit."""
        kept = fit(raw, word or self.words[register])
        if kept is None:
            raise Refused
        if kept != raw:
            self.overflows[register] = self.overflows.get(register, 0) + 1
        self.values[register] = kept

    def run(self, kind: str, stage: Mapping[str, Any]) -> None:
        """One stage, as a profile writes it: its name and its keys."""
        if kind == "fire":
            self.fire(stage["branches"])
        elif kind == "clip_count":
            self.values["count"] = self.acting(stage["cap"])
        elif kind == "deliver":
            self.deliver(stage["register"], self["count"], self["weight"])
        elif kind == "deliver_sum":
            self.deliver_sum(stage["register"], stage["then"])
        elif stage.get("when") is None or self._all(stage["when"]):
            self.write(stage["into"], getattr(self, kind)(stage), stage.get("word"))

    def _all(self, when: Sequence[Any]) -> bool:
        """One condition, or every one of a list."""
        listed = when if isinstance(when[0], list | tuple) else [when]
        return not [1 for left, relation, right in listed if not related(self[left], relation, self[right])]

    def acting(self, cap: int | str) -> int:
        """What `count` spikes act as."""
        count = self.values["count"]
        if cap == "nonzero":
            return len({0, count}) - 1
        while cap != "none" and count > int(cap):
            count -= 1
        return count

    def deliver_sum(self, register: str, then: Sequence[Mapping[str, Any]]) -> None:
        """One source more for the sum of a step, its stages, and one write."""
        self.deliver("sum", self["count"], self["weight"])
        for item in then:
            ((kind, stage),) = item.items()
            self.run(kind, stage)
        self.write(register, sum(self.values[name] for name in (register, "sum")))

    def deliver(self, register: str, count: int, weight: int) -> None:
        """The spikes of one source, one after the other: they are one write, so they overflow once at most."""
        self.write(register, self.values[register] + repeated(count, weight))

    def decay(self, stage: Mapping[str, Any]) -> int:
        value = self[stage["of"]]
        amount = halved(value, self[stage["by"]], stage["rounding"])
        if stage["least"] == 1 and amount == 0 and value != 0:
            amount = value // abs(value)
        return {"remaining": value, "minus_amount": 0}[stage["result"]] - amount

    def add(self, stage: Mapping[str, Any]) -> int:
        return sum(self[part] for part in [stage["into"], *stage["terms"]])

    def set(self, stage: Mapping[str, Any]) -> int:
        return self[stage["value"]]

    def shift(self, stage: Mapping[str, Any]) -> int:
        raw, by = self[stage["into"]], self[stage["by"]]
        if by < 0:
            return halved(raw, -by, stage["rounding"])
        for _ in range(by):
            raw += raw
        return raw

    def scale(self, stage: Mapping[str, Any]) -> int:
        return halved(times(self[stage["of"]], self[stage["factor"]]), stage["shift"], stage["rounding"])

    def clip(self, stage: Mapping[str, Any]) -> int:
        """The middle one of the value and its bounds; the upper bound where they have changed places."""
        value = self[stage["into"]]
        low, high = (value if stage[bound] is None else self[stage[bound]] for bound in ("low", "high"))
        if stage["low"] is None or stage["high"] is None:
            return sorted({value, low, high})[-1 if stage["high"] is None else 0]
        return sorted([low, value, high])[1] if high - low >= 0 else high

    def shrink(self, stage: Mapping[str, Any]) -> int:
        """The magnitude loses what it has."""
        value = self[stage["into"]]
        left = abs(value) - self[stage["by"]]
        return 0 if left <= 0 else left if value > 0 else -left

    def divide(self, stage: Mapping[str, Any]) -> int:
        return goes_into(self[stage["by"]], self[stage["of"]])

    def fire(self, branches: Sequence[Mapping[str, Any]]) -> None:
        """The first branch that can be taken, as often as it can; relayed spikes count."""
        for branch in branches:
            rounds = 0
            while rounds < branch["repeat"] and self._may(branch):
                rounds += 1
                self.values["spikes"] += self[branch["emit"]]
                for item in branch["do"]:
                    ((kind, stage),) = item.items()
                    self.run(kind, stage)
            if rounds:
                return

    def _may(self, branch: Mapping[str, Any]) -> bool:
        spent = branch["emit"] == 1 and self.values["spikes"] >= branch["repeat"]
        return not spent and self._all(branch["when"])
