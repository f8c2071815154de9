"""The chip: every stage, once, as a small function over an interpreter's micro-operations."""

from .delivery import ANY, NONZERO, SUM, Cap, clip_count, deliver, deliver_sum, relayed
from .fire import SPIKES, Branch, Fire, FireItem, StepItem
from .grammar import WORDING, Condition, Model, Name, Operand, ParameterWord, RegisterWord, When, conditions, holds
from .stages import Add, Clip, Decay, Divide, Scale, Set, Shift, Shrink, WriteItem

WEIGHT = "weight"  # the register a weight's format computes in

__all__ = [
    "ANY",
    "NONZERO",
    "SPIKES",
    "SUM",
    "WEIGHT",
    "WORDING",
    "Add",
    "Branch",
    "Cap",
    "Clip",
    "Condition",
    "Decay",
    "Divide",
    "Fire",
    "FireItem",
    "Model",
    "Name",
    "Operand",
    "ParameterWord",
    "RegisterWord",
    "Scale",
    "Set",
    "Shift",
    "Shrink",
    "StepItem",
    "When",
    "WriteItem",
    "clip_count",
    "conditions",
    "deliver",
    "deliver_sum",
    "holds",
    "relayed",
]
