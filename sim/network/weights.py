"""What a weight adds: the stages of its connection's format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datapath import WEIGHT
from ..ops.base import Ops, Registers
from ..profile.schema import Connection


def format_weights(ops: Ops, connection: Connection, weights: Any, parameters: Mapping[str, Any]) -> Any:
    """What the weights add to a register: the connection's format, stage by stage."""
    regs = Registers(ops, {WEIGHT: connection.weight.word}, {**parameters, WEIGHT: weights})
    for item in connection.weight.format:
        item.stage.run(regs)
    return regs[WEIGHT]
