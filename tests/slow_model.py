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
    """What a register of a word such as `s16.wrap` keeps of a value; None where it refuses."""
    sign, bits, overflow = re.fullmatch(r"([su])(\d+)\.(\w+)", word).groups()  # type: ignore[union-attr]
    least, most = word_range(int(bits), sign == "s")
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
        return operand if isinstance(operand, int) else self.values[operand]

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
            count = self.values["count"]
            while count > stage["cap"]:
                count -= 1
            self.values["count"] = count
        elif kind == "deliver":
            self.deliver(stage["register"], self["count"], self["weight"])
        elif stage.get("when") is None or related(self[stage["when"][0]], stage["when"][1], self[stage["when"][2]]):
            self.write(stage["into"], getattr(self, kind)(stage), stage.get("word"))

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
        parts = [self[stage["into"]]]
        for term in stage["terms"]:
            subtracted = isinstance(term, str) and term[0] == "-"
            parts.append(-self[term[1:]] if subtracted else self[term])
        return sum(parts)

    def set(self, stage: Mapping[str, Any]) -> int:
        return self[stage["value"]]

    def shift(self, stage: Mapping[str, Any]) -> int:
        raw = self[stage["into"]]
        for _ in range(self[stage["by"]]):
            raw += raw
        return raw

    def fire(self, branches: Sequence[Mapping[str, Any]]) -> None:
        """The first branch that can be taken, as often as it can; relayed spikes count."""
        for branch in branches:
            rounds = 0
            while rounds < branch["repeat"] and self._may(branch):
                rounds += 1
                self.values["spikes"] += branch["emit"]
                for item in branch["do"]:
                    ((kind, stage),) = item.items()
                    self.run(kind, stage)
            if rounds:
                return

    def _may(self, branch: Mapping[str, Any]) -> bool:
        spent = branch["emit"] == 1 and self.values["spikes"] >= branch["repeat"]
        left, relation, right = branch["when"]
        return not spent and related(self[left], relation, self[right])
