"""bitspike: quantized spiking neural networks, simulated exactly as fixed-point hardware computes them.

    import bitspike as bs

    chip = bs.load_profile("generic-w8-v16")
    net = bs.load_network("digits.npz")
    trace = bs.run(net, spikes, record=["membrane"])

Training is in `bitspike.training`, which alone needs torch.
"""

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
from .exchange import (
    Bench,
    Imported,
    Placement,
    Vectors,
    Verification,
    export,
    import_nir,
    layout_names,
    load_vectors,
    place,
    read_bench,
    read_event_file,
    read_images,
    read_state,
    save_vectors,
    verify,
    verify_dump,
    write_bench,
    write_event_file,
    write_vcd,
)
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
from .report.footprint import Footprint, footprint
from .trace import LayerTrace, Trace, load_trace

__version__ = "0.1.0"

__all__ = [
    "Bench",
    "BitspikeError",
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
