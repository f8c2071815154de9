"""The command line says once that it compiles, and nothing where the kernels are kept already."""

import os
import subprocess
import sys

import bitspike as bs
from builders import generic
from command_line import small, spikes

PROGRAM = """
import sys
from bitspike.cli import main
data, *networks = sys.argv[1:]
sys.exit(max(main(["run", network, "--data", data]) for network in networks))
"""


def test_the_first_compilation_of_a_process_is_a_line_on_stderr(tmp_path):
    networks = [small(tmp_path / "net.npz"), tmp_path / "other.npz"]
    bs.save_network(generic(threshold=[9, 8]), networks[1])  # a kernel of its own
    command = [sys.executable, "-c", PROGRAM, spikes(tmp_path / "spikes.npy"), *networks]
    kernels = tmp_path / "kernels"

    def run():
        environment = {**os.environ, "BITSPIKE_CACHE_DIR": str(kernels)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    cold = run()
    assert len(list(kernels.glob("*.o"))) == 4  # and the input's, and the one that calls them
    assert cold.stderr == f"compiling a kernel for this processor; kernels are kept in {kernels}\n"
    warm = run()
    assert (warm.stdout, warm.stderr) == (cold.stdout, "")
