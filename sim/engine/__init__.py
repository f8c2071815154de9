"""Running networks: the clocked engine, the oracle, and what one neuron did in one step or event."""

from .explain import explain
from .given import initial_state
from .run import run
from .writes import Write

__all__ = ["Write", "explain", "initial_state", "run"]
