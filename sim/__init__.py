"""bitspike: quantized spiking neural networks, simulated exactly as fixed-point hardware computes them.

    import bitspike as bs

    chip = bs.load_profile("generic-w8-v16")
    net = bs.load_network("digits.npz")
    trace = bs.run(net, spikes, record=["membrane"])

Training is in `bitspike.training`, which alone needs torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .compare import Comparison, Difference, compare
from .dispute import dispute
from .engine import Write, explain, initial_state, run
from .errors import (
    BitspikeError,
    DocumentError,
    FileError,
    InputError,
    MismatchError,
    NetworkError,
    OverflowRefusedError,
)
from .events import Events
from .network import (
    Convolution,
    Network,
    Pooling,
    Population,
    Projection,
    Sparse,
    load_network,
    save_network,
)
from .network.rebind import rebind
from .profile import check_profile, load_profile, profile_names
from .profile.schema import Profile
from .raster import Raster
from .trace import LayerTrace, Trace, load_trace

if TYPE_CHECKING:
    from .exchange import (
        Bench,
        CProgram,
        Imported,
        Placement,
        Vectors,
        Verification,
        export,
        import_nir,
        layout_names,
        load_vectors,
        measure_c,
        read_bench,
        read_event_file,
        read_images,
        read_state,
        verify_dump,
        write_bench,
        write_event_file,
        write_vcd,
    )
    from .exchange.place import place
    from .exchange.save_vectors import save_vectors
    from .exchange.verify import verify
    from .report.footprint import Footprint, footprint

__version__ = "0.1.0"

__all__ = [
    "Bench",
    "BitspikeError",
    "CProgram",
    "Comparison",
    "Convolution",
    "Difference",
    "DocumentError",
    "Events",
    "FileError",
    "Footprint",
    "Imported",
    "InputError",
    "LayerTrace",
    "MismatchError",
    "Network",
    "NetworkError",
    "OverflowRefusedError",
    "Placement",
    "Pooling",
    "Population",
    "Profile",
    "Projection",
    "Raster",
    "Sparse",
    "Trace",
    "Vectors",
    "Verification",
    "Write",
    "check_profile",
    "compare",
    "dispute",
    "explain",
    "export",
    "footprint",
    "import_nir",
    "initial_state",
    "layout_names",
    "load_network",
    "load_profile",
    "load_trace",
    "load_vectors",
    "measure_c",
    "place",
    "profile_names",
    "read_bench",
    "read_event_file",
    "read_images",
    "read_state",
    "rebind",
    "run",
    "save_network",
    "save_vectors",
    "verify",
    "verify_dump",
    "write_bench",
    "write_event_file",
    "write_vcd",
]


if not TYPE_CHECKING:  # a type checker would take every name for one of these

    def __getattr__(name: str) -> Any:
        """What reads and writes other people's formats is a sixth of the import: it waits until it is asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        place = "report.footprint" if name in ("Footprint", "footprint") else "exchange"
        globals()[name] = found = getattr(import_module(f".{place}", __name__), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
