"""SystemVerilog: the circuits of a profile, recorded from its stages, with test benches that prove them."""

from .area import Area, area_of
from .module import Module, modules
from .write import FORMAT, report, write_circuits

__all__ = ["FORMAT", "Area", "Module", "area_of", "modules", "report", "write_circuits"]
