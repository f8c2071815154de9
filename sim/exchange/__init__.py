"""Other people's formats, in and out."""

from .bench import Bench, read_bench, write_bench
from .c import measure_c
from .c_measure import CProgram
from .dump import verify_dump
from .event_file import read_event_file, write_event_file
from .format import Format, Option
from .formats import FORMATS, export, find_format
from .layout import layout_names, read_state
from .nir import Imported, import_nir, write_nir
from .place import Placement, place
from .readmemh import read_images, write_images
from .save_vectors import save_vectors
from .vcd import write_vcd
from .vectors import Vectors, load_vectors
from .verify import Verification, verify

__all__ = [
    "FORMATS",
    "Bench",
    "CProgram",
    "Format",
    "Imported",
    "Option",
    "Placement",
    "Vectors",
    "Verification",
    "export",
    "find_format",
    "import_nir",
    "layout_names",
    "load_vectors",
    "measure_c",
    "place",
    "read_bench",
    "read_event_file",
    "read_images",
    "read_state",
    "save_vectors",
    "verify",
    "verify_dump",
    "write_bench",
    "write_event_file",
    "write_images",
    "write_nir",
    "write_vcd",
]
