"""Networks: building them from integer arrays, what a profile allows of them, and their file."""

from .file import load_network, save_network
from .network import Network
from .parts import Population, Projection

__all__ = ["Network", "Population", "Projection", "load_network", "save_network"]
