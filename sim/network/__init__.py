"""Networks: building them from integer arrays, what a profile allows of them, and their file."""

from .file import load_network, save_network
from .geometry import Convolution, Pooling, Sparse
from .network import Network
from .parts import Population, Projection

__all__ = ["Convolution", "Network", "Pooling", "Population", "Projection", "Sparse", "load_network", "save_network"]
