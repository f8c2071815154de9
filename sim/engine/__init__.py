"""Running networks: the clocked engine, the oracle, and what one neuron did in one step."""

from .explain import Write, explain
from .run import initial_state, run

__all__ = ["Write", "explain", "initial_state", "run"]
