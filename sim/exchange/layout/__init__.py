"""The files that a chip loads, by a layout in YAML: memories of `$readmemh` or `$readmemb`, and tables of registers."""

from .catalogue import layout_names, load_layout
from .read import read_layout, read_state
from .write import memory_bits, write_layout

__all__ = ["layout_names", "load_layout", "memory_bits", "read_layout", "read_state", "write_layout"]
