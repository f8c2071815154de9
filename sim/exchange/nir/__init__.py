"""NIR, the Neuromorphic Intermediate Representation: graphs in, quantized onto a profile; networks out."""

from .imports import Imported, import_nir
from .native import nir_graph, write_nir

__all__ = ["Imported", "import_nir", "nir_graph", "write_nir"]
