"""How spikes arrive: what a count acts as, and the write that one source, or all of a step, makes."""

from __future__ import annotations

from ..ops.base import Ops, Registers, Relation, Value

Cap = int | str  # the most spikes of a source that act, or one of the two words below
ANY, NONZERO = "none", "nonzero"


def clip_count(ops: Ops, count: Value, cap: Cap) -> Value:
    """What `count` spikes act as: `cap` at most; as they are (ANY); or 1 for whatever is not 0 (NONZERO)."""
    if cap == ANY:
        return count
    most = ops.constant(1 if cap == NONZERO else int(cap))
    acting = ops.select(ops.compare(count, Relation.GT, most), most, count)
    if cap != NONZERO:
        return acting
    # 0 and 1 go through as they are: in training, their gradient with them
    return ops.select(ops.compare(acting, Relation.LT, ops.constant(0)), most, acting)


def deliver(regs: Registers, register: str, count: Value, weight: Value) -> None:
    """register <- fit(register + count * weight): the spikes of one source arrive.

    `count` repeated adds of one weight, each with its own fit, equal this one add for every overflow.
    """
    regs.write(register, regs.ops.add(regs[register], regs.ops.mul(count, weight)))


def deliver_sum(regs: Registers, register: str) -> None:
    """register <- fit(register + sum): all that arrived in a step at once."""
    regs.write(register, regs.ops.add(regs[register], regs[SUM]))


def relayed(ops: Ops, received: Value, spikes: Value, cap: int) -> Value:
    """What a neuron that has received copies of spikes has after further ones: `cap` at most."""
    return ops.minimum(ops.constant(cap), ops.add(received, spikes))


SUM = "sum"  # the register that collects what arrives in a step, where it is fitted once
